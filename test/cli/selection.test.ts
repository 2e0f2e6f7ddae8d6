// What a mirror takes, as its owner says it on the command line; and every command of docs/selecting.md.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { selectionText } from '../../src/cli/selection.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { commandsOf, readPage, testCommands } from '../support/documented-commands.ts'
import { authorization, OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
beforeAll(async () => {
  kagami = await startWholeServer({ withSample: true })
  owner = await signInOwner(kagami)
})
afterAll(() => kagami?.stop())

const show = async (name: string) => JSON.parse((await owner.run(['mirror', 'show', name, '--json'])).stdout).mirror

const pull = (path: string) =>
  fetch(`${kagami.url}/v2/${path}`, {
    headers: { authorization: authorization(OWNER), accept: 'application/vnd.oci.image.index.v1+json, */*' },
  })

describe('docs/selecting.md', () => {
  const commands = commandsOf(readPage('selecting'))

  test('has commands', () => expect(commands.length).toBeGreaterThan(8))

  testCommands(commands, () => owner)

  test('did what it says', async () => {
    const [py313, node, signed] = [await show('acme/py313'), await show('acme/node-amd64'), await show('acme/signed')]
    expect(py313.selection).toEqual({ tags: ['3.1?*'] })
    expect(node.selection).toEqual({ semver: '>=24 <25', platforms: ['linux/amd64', 'linux/arm64'] })
    expect(signed.selection).toEqual({})
    expect(py313.tags.unselected + py313.tags.retained + py313.tags.total).toBe(21)
  })
})

describe('flags', () => {
  test('one platform: the index is served whole, the others answer 404, and the counts say what was left out', async () => {
    const start = ['mirror', 'start', 'sample/nginx', '--as', 'one', '--tags', '1.29*', '--platforms', 'linux/arm64']
    const started = await owner.run([...start, '--wait', '--json'])
    expect(started.status).toBe(0)
    const { mirror, run } = JSON.parse(started.stdout)
    expect([run.failures, mirror.selection]).toEqual([[], { tags: ['1.29*'], platforms: ['linux/arm64'] }])
    expect(mirror.tags).toMatchObject({ total: 4, published: 4, unselected: 3 })
    const index = (await (await pull('acme/one/manifests/1.29')).json()) as {
      manifests: { digest: string; platform: { architecture: string } }[]
    }
    const answers = await Promise.all(
      index.manifests.map(async ({ digest, platform }) => [
        platform.architecture,
        (await pull(`acme/one/manifests/${digest}`)).status,
      ]),
    )
    expect(answers).toEqual([
      ['amd64', 404],
      ['arm64', 200],
    ])
    const text = (await owner.run(['mirror', 'show', 'acme/one'])).stdout
    expect(text).toContain('tags 1.29*; platforms linux/arm64')
    expect(text).toContain('4/4 (3 not selected)')
  })

  test('limits are added, taken away one by one, and all at once', async () => {
    const change = async (...flags: string[]) => {
      const { status, stderr } = await owner.run(['mirror', 'change', 'acme/one', ...flags])
      expect([status, stderr]).toEqual([0, ''])
      return (await show('acme/one')).selection
    }
    expect(await change('--referrers', 'none', '--newest', '2')).toMatchObject({ referrers: [], newest: 2 })
    expect(await change('--referrers', 'any', '--platforms', 'any')).toEqual({ tags: ['1.29*'], newest: 2 })
    expect(await change('--everything', '--semver', '^1')).toEqual({ semver: '^1' })
    expect(await change('--tags-regex', '1\\..*', '--newer-than', '2020-01-01')).toEqual({
      semver: '^1',
      tagsRegex: ['1\\..*'],
      newerThan: '2020-01-01',
    })
    expect(await change('--everything')).toEqual({})
  })

  test.each([
    [['--tags', '3.*,4.*'], 'want a glob over tags'],
    [['--tags-regex', '(a{1000}){1000}'], 'pattern'],
    [['--tags-regex', '('], 'want a regular expression of RE2'],
    [['--semver', 'new ones'], 'want a range of versions'],
    [['--newest', '0'], 'newest'],
    [['--newer-than', 'yesterday'], 'want an age such as 90d, or a date'],
    [['--platforms', 'amd64'], 'want OS/ARCHITECTURE'],
  ])('%j is refused and changes nothing', async (flags, why) => {
    const before = (await show('acme/one')).selection
    const refused = await owner.run(['mirror', 'change', 'acme/one', ...flags])
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(why)])
    expect((await show('acme/one')).selection).toEqual(before)
    const started = await owner.run(['mirror', 'start', 'sample/nginx', '--as', 'never', ...flags])
    expect([started.status, (await owner.run(['mirror', 'show', 'acme/never'])).status]).toEqual([1, 1])
  })

  test('a number that is none is told before anything is asked', async () => {
    const refused = await owner.run(['mirror', 'change', 'acme/one', '--newest', 'few'])
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('want a whole number, or any')])
  })
})

test('a selection as text', () => {
  expect(selectionText({})).toBe('everything')
  expect(selectionText({ tags: ['3.*', '!*-dev'], newest: 2, referrers: [] })).toBe(
    'tags 3.* !*-dev; the newest 2; no referrers',
  )
})
