// docs/watching.md: its commands work, in the order in which they stand there, and its metrics are those that are served.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

const page = readPage('watching')
const commands = commandsOf(page)

let kagami: WholeServer
let owner: CommandLineUser
let run: string
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
  run = kagami.server.firstRun?.run.id ?? ''
  await kagami.server.mirrors.wait(run)
})
afterAll(() => kagami?.stop())

testCommands(
  commands,
  () => owner,
  (args, { stdout, stderr }) => {
    expect(stderr).toBe('')
    // What the page says that they show.
    if (args[1] === 'change') expect(stdout).toContain('objective 30 minutes')
    if (args[1] === 'list') expect(stdout).toContain('BEHIND')
    if (args[1] === 'runs') expect(stdout).toContain(run)
    if (args[1] === 'run') expect(stdout).toMatch(/^TAG +FROM +TO +AT$/m)
  },
  (word) => (word === 'RUN' ? run : word),
)

test('pages of runs and items go on by the line that they end in', async () => {
  expect(commands.length).toBe(9)
  const first = await owner.run(['mirror', 'run', 'acme/dhi-python', run, '--limit', '5'])
  const after = /There is more: kagami (mirror run .* --after \S+)/.exec(first.stdout)?.[1]?.split(' ') ?? []
  const second = await owner.run(after)
  const tagsOf = (text: string) => [...text.matchAll(/^(\S+) +- +sha256:/gm)].map((match) => match[1])
  expect([tagsOf(first.stdout).length, tagsOf(second.stdout).length]).toEqual([5, 5])
  expect(new Set([...tagsOf(first.stdout), ...tagsOf(second.stdout)]).size).toBe(10)
  const json = JSON.parse((await owner.run(['mirror', 'runs', 'acme/dhi-python', '--json'])).stdout)
  expect([json.runs.length, json.next]).toEqual([1, null])
  const absent = await owner.run(['mirror', 'run', 'acme/dhi-python', 'no-such-run'])
  expect([absent.status, absent.stderr]).toEqual([1, expect.stringContaining('there is no run no-such-run')])
})

test('an objective is held to its bounds, and taken away by none', async () => {
  const change = (objective: string) =>
    owner.run(['mirror', 'change', 'acme/dhi-python', '--objective', objective, '--json'])
  expect((await change('5s')).stderr).toContain('from 1m to 365d')
  expect(JSON.parse((await change('2h')).stdout).mirror.freshness.objectiveSeconds).toBe(7200)
  expect(JSON.parse((await change('none')).stdout).mirror.freshness.objectiveSeconds).toBeNull()
})

test('the metrics of the page are those that are served', async () => {
  // Of a collection nothing is told before there was one.
  expect((await owner.run(['gc'])).status).toBe(0)
  const answer = await fetch(`${kagami.url}/metrics`, { headers: { authorization: authorization(OWNER) } })
  const served = [...(await answer.text()).matchAll(/^# TYPE (kagami_\w+) /gm)].map((match) => match[1] ?? '')
  const table = page.split('\n').filter((line) => line.startsWith('| `kagami'))
  const named = table.flatMap((line) => [...line.matchAll(/`(kagami_\w+)`/g)].map((match) => match[1] ?? ''))
  expect(named.sort()).toEqual(served.sort())
  const used = [...page.matchAll(/\b(kagami_\w+)[{ ]/g)].map((match) => match[1] ?? '')
  expect(used.length).toBeGreaterThan(3)
  expect(used.filter((name) => !served.includes(name))).toEqual([])
})
