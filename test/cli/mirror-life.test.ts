// The life of a mirror as its owner drives it from the command line: told before, told after, and taken back.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
  await owner.run(['mirror', 'start', 'sample/nginx', '--as', 'web', '--every', '2h', '--wait'])
})
afterAll(() => kagami?.stop())

const show = async () => JSON.parse((await owner.run(['mirror', 'show', 'acme/web', '--json'])).stdout).mirror

test('its schedule is set at the start, changed, and refused by what is wrong with it', async () => {
  expect((await show()).schedule).toEqual({ every: '2h' })
  expect((await owner.run(['mirror', 'change', 'acme/web', '--cron', '0 4 * * *'])).stdout).toContain(
    'cron 0 4 * * * (UTC)',
  )
  expect((await show()).nextRunAt).toEndWith('T04:00:00.000Z')
  for (const [flags, why] of [
    [['--every', 'soon'], 'want a length of time'],
    [['--every', '1s'], 'from 1m to 30d'],
    [['--cron', '* * *'], 'want the five fields of cron'],
    [['--cron', '0 0 30 2 *'], 'want the five fields of cron'],
  ] as const) {
    const refused = await owner.run(['mirror', 'change', 'acme/web', ...flags])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(why)])
  }
  expect((await owner.run(['mirror', 'change', 'acme/web'])).status).toBe(2)
})

test('paused by hand it says so and how to go on; resumed it is due', async () => {
  const paused = await owner.run(['mirror', 'pause', 'acme/web'])
  expect(paused.stdout).toContain('paused by hand')
  expect(paused.stdout).toContain('mirror resume acme/web')
  const refused = await owner.run(['mirror', 'sync', 'acme/web', '--wait'])
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('mirror resume acme/web')])
  expect((await owner.run(['mirror', 'resume', 'acme/web'])).status).toBe(0)
  expect((await show()).pauses).toEqual([])
})

test('made public: nothing happens without a word, then it pauses; private again it goes on by itself', async () => {
  const publish = ['repository', 'change', 'acme/web', '--visibility', 'public']
  const asked = await owner.run(publish)
  expect([asked.status, asked.stderr]).toEqual([2, expect.stringContaining('The mirror acme/web pauses')])
  expect((await show()).state).not.toBe('paused')
  expect((await owner.run([...publish, '--yes'])).stdout).toContain('The mirror acme/web pauses')
  const paused = await show()
  expect([paused.state, paused.remedy]).toEqual(['paused', 'repository change acme/web --visibility private'])
  const text = (await owner.run(['mirror', 'show', 'acme/web'])).stdout
  expect(text).toContain('repository change acme/web --visibility private')
  expect((await owner.run(['repository', 'change', 'acme/web', '--visibility', 'private'])).stdout).toContain(
    'The mirror acme/web resumes, with a full check.',
  )
  expect((await owner.run(['mirror', 'sync', 'acme/web', '--wait'])).status).toBe(0)
  expect((await show()).state).toBe('active')
})

test('stopped it stays listed and starts again by one line, from another upstream repository too', async () => {
  const unclear = await owner.run(['mirror', 'stop', 'acme/web', '--confirm', 'acme/web'])
  expect([unclear.status, unclear.stderr]).toEqual([2, expect.stringContaining('--confirm goes with --delete')])
  expect((await show()).state).not.toBe('stopped')
  const stopped = await owner.run(['mirror', 'stop', 'acme/web'])
  expect(stopped.stdout).toContain('mirror restart acme/web')
  expect((await show()).state).toBe('stopped')
  expect((await owner.run(['mirror', 'restart', 'acme/web', '--wait'])).status).toBe(0)
  expect((await owner.run(['mirror', 'restart', 'acme/web', '--from', 'sample/node', '--wait'])).status).toBe(0)
  expect((await show()).source).toEqual({ upstream: 'sample', repository: 'node' })
})

test('deleted with its repository only by its name', async () => {
  const refused = await owner.run(['mirror', 'stop', 'acme/web', '--delete', '--yes'])
  expect([refused.status, refused.stderr]).toEqual([
    2,
    expect.stringContaining('--confirm is missing, want "acme/web"'),
  ])
  expect((await owner.run(['mirror', 'stop', 'acme/web', '--delete', '--confirm', 'acme/other'])).status).toBe(2)
  expect((await show()).state).not.toBe('stopped')
  expect((await owner.run(['mirror', 'stop', 'acme/web', '--delete', '--confirm', 'acme/web'])).status).toBe(0)
  expect((await owner.run(['repository', 'show', 'acme/web'])).status).toBe(1)
})
