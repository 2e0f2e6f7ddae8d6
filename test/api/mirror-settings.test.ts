// Bad settings are told where they stand and what is wanted there.
import { expect, test } from 'bun:test'
import { mirrorChangeSchema, mirrorSettingsSchema } from '../../src/api/mirror-settings.ts'
import { z } from '../../src/api/schema.ts'

const EITHER = 'schedule: want either every, a time such as 15m, or cron, five fields such as 0 4 * * 1-5'

test.each([
  [{ schedule: {} }, EITHER],
  [{ schedule: { every: '7m', cron: '* * * * *' } }, EITHER],
  [{ schedule: { cron: '0 0 30 2 *' } }, 'schedule.cron: want the five fields of cron (UTC), such as 0 4 * * 1-5'],
  [
    { schedule: { every: '1s' } },
    'schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w',
  ],
  [
    { schedule: { every: 'soon' } },
    'schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w',
  ],
  [
    { schedule: { every: '0' } },
    'schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w',
  ],
  [
    { schedule: { every: '0d' } },
    'schedule.every: want a length of time from 1m to 30d, such as 90s, 15m, 2h, 7d or 2w',
  ],
  [{ settle: '0d' }, 'settle: want a length of time from 10s to 7d, such as 90s, 15m, 2h, 7d or 2w; or 0'],
  [{ settle: 'soon' }, 'settle: want a length of time from 10s to 7d, such as 90s, 15m, 2h, 7d or 2w; or 0'],
  [{ settle: '1s' }, 'settle: want a length of time from 10s to 7d, such as 90s, 15m, 2h, 7d or 2w; or 0'],
  [{ objective: '0' }, 'objective: want a length of time from 1m to 365d, such as 90s, 15m, 2h, 7d or 2w'],
  [{ selection: { newest: 0 } }, 'selection.newest: want a whole number from 1 to 1000000'],
  [{ selection: { newest: 1.5 } }, 'selection.newest: want a whole number from 1 to 1000000'],
])('%j', (change, message) => {
  const { error } = mirrorChangeSchema.safeParse(change)
  expect(error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)).toEqual([message])
})

test('what editors are told holds lengths of time too, and says of each setting what it is', () => {
  const { properties } = z.toJSONSchema(mirrorSettingsSchema, { target: 'draft-7', io: 'input', reused: 'inline' })
  const settings = properties as Record<string, { pattern?: string; description?: string }>
  for (const name of ['grace', 'settle', 'recheck', 'objective']) {
    expect([name, new RegExp(settings[name]?.pattern ?? 'none').test('soon')]).toEqual([name, false])
    expect([name, new RegExp(settings[name]?.pattern ?? 'none').test('15m')]).toEqual([name, true])
  }
  const { schedule: _, selection, ...others } = settings
  const taken = (selection as { properties?: typeof settings }).properties ?? {}
  for (const [name, one] of Object.entries({ ...others, ...taken })) {
    expect([name, typeof one.description]).toEqual([name, 'string'])
  }
})
