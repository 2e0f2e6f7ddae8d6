// Files of apply: what is wrong is told with its place, all of it at once, and no secret is told with it.
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { parseFiles, readTexts } from '../../src/cli/configuration/files.ts'
import { problemText } from '../../src/cli/configuration/problems.ts'
import { isAppError } from '../../src/errors.ts'
import { temporaryDirectory } from '../support/process.ts'

const home = temporaryDirectory('configuration')
afterAll(() => home.remove())

const parse = (text: string) => parseFiles([{ file: 'acme.yaml', directory: home.path, text }])
function problems(text: string): string[] {
  const read = parse(text)
  return 'problems' in read ? read.problems.map(problemText) : []
}

const upstream = (rest: string) => `organization: acme
upstreams:
  hub:
    url: https://hub.example
${rest}`
const mirror = (rest: string) => `organization: acme
mirrors:
  app:
    from: hub/app
${rest}`

describe('what is wrong with a file', () => {
  test.each([
    [
      'an unknown key',
      mirror('    schedul: {every: 15m}'),
      '5:5: mirrors.app.schedul: unknown key; did you mean schedule?',
    ],
    ['an unknown noun', 'organization: acme\nmirror: {}', '2:1: mirror: unknown key; did you mean mirrors?'],
    ['no noun of ours at all', 'kind: Pod', '1:1: want either organization: NAME or shared: true'],
    ['both owners', 'organization: a\nshared: true', '1:1: want either organization'],
    ['a list', '- a', '1:1: got a list, want a mapping'],
    ['a text', 'hello', '1:1: got "hello", want a mapping'],
    ['a wrong type', upstream('    plainHttp: "yes"'), '5:16: upstreams.hub.plainHttp: got "yes", want true or false'],
    [
      'a number for a text',
      upstream('    username: 12\n    password: env:A'),
      '5:15: upstreams.hub.username: got 12, want a text',
    ],
    ['something missing', 'organization: acme\nmirrors:\n  app: {}', '3:3: mirrors.app.from: missing, want a text'],
    [
      'nothing where a mapping is wanted',
      'organization: acme\nupstreams:\n  hub:',
      '3:3: upstreams.hub: got nothing, want a mapping',
    ],
    [
      'a wrong length of time',
      mirror('    schedule:\n      every: soon'),
      '6:14: mirrors.app.schedule.every: got "soon", want a length of time',
    ],
    [
      'a wrong cron',
      mirror('    schedule:\n      cron: "* *"'),
      '6:13: mirrors.app.schedule.cron: got "* *", want the five fields',
    ],
    [
      'an unknown schedule',
      mirror('    schedule:\n      evry: 1h'),
      '6:7: mirrors.app.schedule.evry: unknown key; did you mean every?',
    ],
    [
      'a source without a repository',
      'organization: acme\nmirrors:\n  app:\n    from: hub',
      '4:11: mirrors.app.from: got "hub", want UPSTREAM/REPOSITORY',
    ],
    [
      'a name that is none',
      'organization: acme\nmirrors:\n  App: {from: hub/app}',
      '3:3: mirrors.App: got the name "App", want lower case',
    ],
    [
      'half a login',
      upstream('    username: robot'),
      '5:15: upstreams.hub.username: got "robot", username and password go together',
    ],
    [
      'an address that is none',
      'organization: a\nupstreams:\n  hub:\n    url: https://hub.example/app:1',
      '4:10: upstreams.hub.url: ',
    ],
    [
      'a variable that is not set',
      upstream('    username: a\n    password: env:NOT_SET_AT_ALL'),
      '6:15: upstreams.hub.password: env:NOT_SET_AT_ALL: this variable is not set',
    ],
    [
      'a file that is not there',
      upstream('    username: a\n    password: file:none'),
      '6:15: upstreams.hub.password: file:none cannot be read',
    ],
    [
      'certificates that are none',
      upstream('    ca: hello'),
      '5:9: upstreams.hub.ca: got "hello", want env:NAME, file:PATH or certificates',
    ],
    [
      'mirrors of nobody',
      'shared: true\nmirrors:\n  app: {from: hub/app}',
      '2:1: mirrors: mirrors belong to an organization',
    ],
    [
      'a key that stands twice',
      'organization: acme\nmirrors: {}\nmirrors: {}',
      '3:1: this key stands here twice, want it once',
    ],
    ['broken YAML', 'organization: [acme', ': is no YAML: '],
    ['an alias to nothing', 'organization: *none', '1:1: is no YAML: Unresolved alias'],
  ])('%s', (_what, text, message) => {
    expect(problems(text).join('\n')).toContain(`${message.startsWith(':') ? '' : 'acme.yaml:'}${message}`)
  })

  test('a key that stands twice keeps nothing else from being told', () => {
    expect(problems(mirror('    from: hub/other\n    schedul: {every: 15m}'))).toEqual([
      'acme.yaml:5:5: this key stands here twice, want it once',
      expect.stringContaining('acme.yaml:6:5: mirrors.app.schedul: unknown key'),
    ])
  })

  test('is told all at once, of every document', () => {
    const found = problems(`${mirror('    a: 1\n    b: 2')}\n---\n${upstream('    c: 3')}\n---\norganization: Acme\n`)
    expect(found.map((text) => text.split(': ')[0])).toEqual([
      'acme.yaml:5:5',
      'acme.yaml:6:5',
      'acme.yaml:12:5',
      'acme.yaml:14:15',
    ])
  })

  test('a name that two files have is told where it stands again', () => {
    const texts = ['a.yaml', 'b.yaml'].map((file) => ({ file, directory: home.path, text: mirror('') }))
    const read = parseFiles(texts)
    expect('problems' in read && read.problems.map(problemText)).toEqual([
      'b.yaml:3:3: mirrors.app: stands in a.yaml:3 already, want it once',
    ])
  })

  test.each([
    ['password', upstream('    username: a\n    password: hunter2')],
    ['password of another type', upstream('    username: a\n    password: {hunter2: hunter2}')],
    ['address', 'organization: a\nupstreams:\n  hub:\n    url: https://me:hunter2@hub.example'],
    ['long address', `organization: a\nupstreams:\n  hub:\n    url: https://me:hunter2@${'h'.repeat(3000)}`],
  ])('a secret in the %s is refused and not repeated', (_where, text) => {
    const found = problems(text)
    expect(found.length).toBeGreaterThan(0)
    expect(found.join('\n')).not.toContain('hunter2')
  })

  test('aliases that multiply without end are refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`,
    )
    expect(problems(`l0: &l0 [x]\n${levels.join('\n')}`).join()).toContain('is no YAML: Excessive alias count')
  })
})

describe('what a file says', () => {
  test('secrets come from where it says, without the line end', async () => {
    await Bun.write(join(home.path, 'secret'), 'from a file\n')
    process.env.KAGAMI_TEST_SECRET = 'from the environment'
    const read = parse(`organization: acme
upstreams:
  a: {url: a.example, username: me, password: file:secret}
  b: {url: b.example, username: me, password: env:KAGAMI_TEST_SECRET}
`)
    delete process.env.KAGAMI_TEST_SECRET
    expect('state' in read && read.state.upstreams.map(({ config: { url, password } }) => [url, password])).toEqual([
      ['https://a.example', 'from a file'],
      ['https://b.example', 'from the environment'],
    ])
  })

  test('a folder is all its files; comments alone say nothing', async () => {
    await Bun.write(join(home.path, 'folder/b.yaml'), mirror(''))
    await Bun.write(join(home.path, 'folder/a.yml'), '# nothing\n---\n# nothing either\n')
    await Bun.write(join(home.path, 'folder/note.txt'), 'no configuration')
    await Bun.write(join(home.path, 'folder/kagami-config.schema.json'), '{"title": "no configuration"}')
    const texts = await readTexts([join(home.path, 'folder')], async () => '')
    expect(texts.map(({ file }) => file.split('/').at(-1))).toEqual(['a.yml', 'b.yaml'])
    const read = parseFiles(texts)
    expect('state' in read && read.state.mirrors.map(({ name, place }) => [name, place.line])).toEqual([['app', 3]])
  })

  test('what cannot be read is told by name', async () => {
    const error = await readTexts([join(home.path, 'absent.yaml')], async () => '').catch((thrown) => thrown)
    expect([isAppError(error, 'CONFIG_INVALID'), error.message]).toEqual([true, expect.stringContaining('absent.yaml')])
  })
})
