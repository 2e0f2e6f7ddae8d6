// What a mirror does about upstream's whims, set and shown by the command line and the API.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
  await owner.run([
    'mirror',
    'start',
    'sample/nginx',
    '--as',
    'web',
    '--settle',
    '10m',
    '--vanished',
    'untag',
    '--wait',
  ])
})
afterAll(() => kagami?.stop())

const show = async () => JSON.parse((await owner.run(['mirror', 'show', 'acme/web', '--json'])).stdout).mirror
const change = (...flags: string[]) => owner.run(['mirror', 'change', 'acme/web', ...flags])

test('set at the start, changed one by one, shown with the defaults of the others', async () => {
  const whims = {
    vanished: 'untag',
    grace: '7d',
    brake: 10,
    settle: '10m',
    withoutReferrers: 'hold',
    recheck: '1h',
  }
  expect((await show()).whims).toEqual(whims)
  const { stdout } = await change('--grace', '3d', '--brake', '25%', '--without-referrers', 'publish', '--recheck', '0')
  expect(stdout).toContain(
    'lost tags and attestations go after 3d, 25 % at most in one run; new digests settle 10m; published without referrers that cannot be listed; referrers asked for in every pass',
  )
  const changed = { ...whims, grace: '3d', brake: 25, withoutReferrers: 'publish', recheck: '0' }
  expect((await show()).whims).toEqual(changed)
  expect((await change('--settle', '0', '--vanished', 'keep')).stdout).toContain('lost tags and attestations are kept')
  expect((await show()).whims).toEqual({ ...changed, settle: '0', vanished: 'keep' })
})

test('what is wrong is refused with what is wanted, and changes nothing', async () => {
  const before = (await show()).whims
  for (const [flags, status, why] of [
    [['--settle', '1s'], 1, 'from 10s to 7d'],
    [['--grace', 'soon'], 1, 'from 1m to 365d'],
    [['--recheck', '8d'], 1, 'from 1m to 7d'],
    [['--brake', '0'], 1, 'brake'],
    [['--brake', '101'], 1, 'brake'],
    [['--brake', 'some'], 2, 'want a percentage'],
    [['--vanished', 'forget'], 2, 'keep, untag'],
    [['--without-referrers', 'wait'], 2, 'hold, publish'],
  ] as const) {
    const refused = await change(...flags)
    expect([refused.status, refused.stderr]).toEqual([status, expect.stringContaining(why)])
  }
  expect((await show()).whims).toEqual(before)
})

test('a shrink is accepted for all tags or not at all', async () => {
  const sync = (...flags: string[]) => owner.run(['mirror', 'sync', 'acme/web', ...flags])
  expect((await sync('--accept-shrink', '--wait')).status).toBe(0)
  expect((await sync('--accept-shrink', '--dry-run')).status).toBe(0)
  expect((await sync('--accept-shrink', '--tag', '1.29')).status).toBe(2)
})
