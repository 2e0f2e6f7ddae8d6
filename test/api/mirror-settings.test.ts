// Bad settings are told where they stand and what is wanted there.
import { expect, test } from 'bun:test'
import { mirrorChangeSchema } from '../../src/api/mirror-settings.ts'

const EITHER = 'schedule: want either every, a time such as 15m, or cron, five fields such as 0 4 * * 1-5'

test.each([
  [{ schedule: {} }, EITHER],
  [{ schedule: { every: '7m', cron: '* * * * *' } }, EITHER],
  [{ schedule: { cron: '0 0 30 2 *' } }, 'schedule.cron: want the five fields of cron (UTC), such as 0 4 * * 1-5'],
  [
    { schedule: { every: '1s' } },
    'schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w',
  ],
  [{ selection: { newest: 0 } }, 'selection.newest: want a whole number from 1 to 1000000'],
  [{ selection: { newest: 1.5 } }, 'selection.newest: want a whole number from 1 to 1000000'],
])('%j', (change, message) => {
  const { error } = mirrorChangeSchema.safeParse(change)
  expect(error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)).toEqual([message])
})
