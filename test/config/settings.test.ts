import { describe, expect, test } from 'bun:test'
import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { FIELDS } from '../../src/config/fields.ts'
import { parseClientSettings, parseSettings } from '../../src/config/settings.ts'

const at = { directory: '/srv', file: 'kagami.yaml' }

function refusalOf(env: Record<string, string>, yamlText?: string): string {
  try {
    parseSettings(env, yamlText, at)
  } catch (error) {
    return `${(error as { code?: string }).code} ${(error as Error).message}`
  }
  return 'accepted'
}

describe('settings', () => {
  test('have defaults that start an instance on loopback without any service', () => {
    expect(parseSettings({}, undefined, at)).toEqual({
      dataDirectory: '/srv/data',
      listen: { host: '127.0.0.1', port: 5080 },
      publicUrl: undefined,
      owner: 'owner',
      ownerPassword: undefined,
      organization: 'acme',
      sampleListen: { host: '127.0.0.1', port: 5081 },
      database: { engine: 'sqlite', path: '/srv/data/kagami.sqlite' },
      allowNetworks: [],
      historyMs: 400 * 24 * 60 * 60 * 1000,
      auditMs: 365 * 24 * 60 * 60 * 1000,
      collectEveryMs: 6 * 60 * 60 * 1000,
      keep: {
        graceMs: 24 * 60 * 60 * 1000,
        mirrored: { newest: 0, days: 180, daysAfterPull: 90 },
        pushed: { newest: 0, days: 0, daysAfterPull: 0 },
      },
      takeoverMs: 20_000,
      runsAtOnce: 8,
      upstreamRequests: 64,
      workers: process.platform === 'linux' ? Math.min(availableParallelism(), 16) : 1,
      dockerConfig: join(homedir(), '.docker', 'config.json'),
      logLevel: 'info',
      shown: expect.any(Array),
    })
    expect(parseClientSettings({})).toEqual({ server: 'http://127.0.0.1:5080', token: undefined })
  })

  test('come from the environment or from the file, by the same names; the environment wins', () => {
    const yamlText = [
      'data: /var/lib/kagami',
      'listen: "[::1]:6000"',
      'url: https://registry.example.com',
      'owner: ann',
      'owner-password: from the file',
      'org: umbrella',
      'sample: localhost:0',
      'database: postgres://kagami:secret@db/kagami',
      'allow-networks:\n  - 10.0.0.0/8\n  - fd00::/8',
      'log: debug',
    ].join('\n')
    const fromFile = parseSettings({}, yamlText, at)
    expect(fromFile).toMatchObject({
      dataDirectory: '/var/lib/kagami',
      listen: { host: '::1', port: 6000 },
      publicUrl: 'https://registry.example.com',
      owner: 'ann',
      organization: 'umbrella',
      sampleListen: { host: 'localhost', port: 0 },
      allowNetworks: ['10.0.0.0/8', 'fd00::/8'],
      logLevel: 'debug',
    })
    const fromEnvironment = parseSettings(
      { KAGAMI_OWNER: 'bob', KAGAMI_ALLOW_NETWORKS: '192.168.0.0/16, 10.1.2.3', KAGAMI_DATA: 'here', KAGAMI_LOG: '' },
      yamlText,
      at,
    )
    expect(fromEnvironment).toMatchObject({
      owner: 'bob',
      allowNetworks: ['192.168.0.0/16', '10.1.2.3'],
      dataDirectory: '/srv/here',
      logLevel: 'debug',
    })
  })

  test('lengths of time and networks are held to their bounds', () => {
    const of = (env: Record<string, string>) => parseSettings(env, undefined, at)
    expect(of({ KAGAMI_TAKEOVER: '2s', KAGAMI_METRICS_ALLOW: '10.0.0.0/8, ::1' })).toMatchObject({
      takeoverMs: 2_000,
      metricsAllow: ['10.0.0.0/8', '::1'],
    })
    for (const bad of ['1s', '11m', '20', 'soon']) {
      expect(() => of({ KAGAMI_TAKEOVER: bad })).toThrow(/KAGAMI_TAKEOVER.*2s to 10m/)
    }
  })

  test('mail wants a server, a sender, and the address where its links lead', () => {
    const of = (env: Record<string, string>) => parseSettings(env, undefined, at)
    const all = {
      KAGAMI_URL: 'https://registry.example.com',
      KAGAMI_SMTP_URL: 'smtps://robot:super-secret@mail.example.com',
      KAGAMI_SMTP_FROM: 'Kagami <kagami@example.com>',
    }
    const { smtp } = of(all)
    expect([smtp?.url.reveal(), smtp?.from]).toEqual([all.KAGAMI_SMTP_URL, all.KAGAMI_SMTP_FROM])
    expect(Bun.inspect(smtp)).not.toContain('super-secret')
    for (const name of Object.keys(all)) {
      expect(() => of({ ...all, [name]: '' })).toThrow(
        new RegExp(`^${name}: want .*, got nothing, beside KAGAMI_SMTP_`),
      )
    }
    for (const url of [
      'mail.example.com',
      'http://mail.example.com',
      'smtp://',
      'smtp://user@mail',
      'smtp://mail/?tls=no',
    ]) {
      expect(() => of({ ...all, KAGAMI_SMTP_URL: url })).toThrow(/^KAGAMI_SMTP_URL: want smtp/)
    }
    for (const sender of [
      'kagami',
      'a b@example.com',
      'Kagami <kagami>',
      'K\n <a@example.com>',
      'a@example.com, b@example.com',
    ]) {
      expect(() => of({ ...all, KAGAMI_SMTP_FROM: sender })).toThrow(/^KAGAMI_SMTP_FROM: want a mail address/)
    }
  })

  test('secrets never print, and can be revealed', () => {
    const settings = parseSettings(
      { KAGAMI_OWNER_PASSWORD: 'hunter2hunter2', KAGAMI_DATABASE: 'postgres://k:pw123@db/k' },
      undefined,
      at,
    )
    const { token } = parseClientSettings({ KAGAMI_TOKEN: 'kgm_pat_secret' })
    const printed = [
      JSON.stringify({ settings, token }),
      Bun.inspect({ settings, token }),
      `${settings.ownerPassword} ${token}`,
    ].join()
    for (const secret of ['hunter2', 'pw123', 'kgm_pat_secret']) expect(printed).not.toContain(secret)
    expect(settings.ownerPassword?.reveal()).toBe('hunter2hunter2')
    expect(settings.database.engine === 'postgres' && settings.database.url.reveal()).toBe('postgres://k:pw123@db/k')
  })

  test.each([
    ['KAGAMI_LISTN', 'CONFIG_INVALID KAGAMI_LISTN: unknown setting; did you mean KAGAMI_LISTEN?'],
    [
      'KAGAMI_ALLOW_NETWORK',
      'CONFIG_INVALID KAGAMI_ALLOW_NETWORK: unknown setting; did you mean KAGAMI_ALLOW_NETWORKS?',
    ],
    ['KAGAMI_SOMETHING_ELSE', 'CONFIG_INVALID KAGAMI_SOMETHING_ELSE: unknown setting'],
  ])('the unknown variable %s is refused by name', (name, message) => {
    expect(refusalOf({ [name]: 'x' })).toBe(message)
    expect(() => parseClientSettings({ [name]: 'x' })).toThrow(message.slice('CONFIG_INVALID '.length))
  })

  test('other programs’ variables, and those of the tests, are none of its business', () => {
    expect(refusalOf({ PATH: '/bin', KAGAMI: 'x', KAGAMI_TEST_SHARED: '/tmp', MY_KAGAMI_LISTN: 'x' })).toBe('accepted')
  })

  test.each([
    [
      '# a comment\nlisten: 127.0.0.1:1\nlisen: 127.0.0.1:2\n',
      'kagami.yaml:3: unknown setting lisen; did you mean listen?',
    ],
    ['org: acme\n\n\nserver: http://x\n', 'kagami.yaml:4: unknown setting server'],
    ['org: acme\norg: other\n', 'kagami.yaml:2: Map keys must be unique'],
    ['org: [acme\n', 'kagami.yaml:2: '],
    ['- org\n', 'kagami.yaml:1: want a mapping of settings'],
    ['just text', 'kagami.yaml:1: want a mapping of settings'],
    ['org:\n  name: acme\n', 'kagami.yaml:1: org: want a text, got a object'],
    ['org: true\n', 'kagami.yaml:1: org: want a text, got a boolean'],
    ['org:\n', 'kagami.yaml:1: org: want a text, got nothing'],
    ['listen: [a, b]\n', 'kagami.yaml:1: listen: want a text, got a list'],
    ['allow-networks: [1, 2]\n', 'kagami.yaml:1: allow-networks: want a text, got a list'],
    ['owner: ann\nlisten: nowhere\n', 'kagami.yaml:2: listen: want HOST:PORT, port 0 to 65535, got "nowhere"'],
    ['owner-password: short\n', 'kagami.yaml:1: owner-password: want 8 to 128 characters, got '],
    ['{}: x\n', 'kagami.yaml:1: unknown setting a nested key'],
  ])('the file %j refuses the start by line', (yamlText, message) => {
    expect(refusalOf({}, yamlText)).toStartWith(`CONFIG_INVALID ${message}`)
  })

  test('an empty file is a file without settings', () => {
    for (const yamlText of ['', '\n# nothing\n', '---\n', '{}']) expect(refusalOf({}, yamlText)).toBe('accepted')
  })

  test.each([
    [
      'KAGAMI_LISTEN',
      ['127.0.0.1', '127.0.0.1:', ':5080', '127.0.0.1:65536', '::1:80', '[127.0.0.1]:80', 'a b:80', '1.2.3.4:5:6'],
    ],
    ['KAGAMI_SAMPLE', ['5081', 'http://127.0.0.1:5081']],
    ['KAGAMI_URL', ['registry.example.com', 'ftp://x', 'https://x/path', 'https://u:p@x', 'https://x/?q', 'https://']],
    ['KAGAMI_OWNER', ['Ann', 'a:b', 'a b', '-a', 'a'.repeat(65)]],
    ['KAGAMI_ORG', ['Acme', 'a/b', 'a_', 'a'.repeat(65)]],
    ['KAGAMI_OWNER_PASSWORD', ['1234567', 'x'.repeat(129)]],
    ['KAGAMI_DATABASE', ['mysql://x', 'postgres://[x', 'a\0b']],
    ['KAGAMI_ALLOW_NETWORKS', ['10.0.0.0/33', 'example.com', '10.0.0', '10.0.0.0/8;192.168.0.0/16']],
    ['KAGAMI_LOG', ['verbose', 'INFO', 'silent']],
    ['KAGAMI_HISTORY', ['0d', '400', 'forever', '1h', '3651d']],
  ])('%s says what it wants when it gets something else', (name, bad) => {
    for (const text of bad) {
      const refusal = refusalOf({ [name]: text })
      expect(refusal).toMatch(new RegExp(`^CONFIG_INVALID ${name}: want .*, got `))
      if (name.endsWith('PASSWORD') || name.endsWith('DATABASE')) expect(refusal).not.toContain(text)
    }
  })

  test.each(['not a url', 'ftp://x', 'http://u:p@x', 'http://x?q'])('KAGAMI_SERVER refuses %j', (server) => {
    expect(() => parseClientSettings({ KAGAMI_SERVER: server })).toThrow('KAGAMI_SERVER: want http://')
  })

  test('a server’s URL loses the slash at its end', () => {
    expect(parseClientSettings({ KAGAMI_SERVER: 'https://x.example/' }).server).toBe('https://x.example')
  })

  test('the table of settings names each once, with what it is about', () => {
    expect(new Set(FIELDS.map(({ variable }) => variable)).size).toBe(FIELDS.length)
    expect(FIELDS.map(({ variable }) => variable)).toEqual(
      expect.arrayContaining([
        'KAGAMI_DATA',
        'KAGAMI_LISTEN',
        'KAGAMI_URL',
        'KAGAMI_OWNER',
        'KAGAMI_OWNER_PASSWORD',
        'KAGAMI_ORG',
        'KAGAMI_SAMPLE',
        'KAGAMI_DATABASE',
        'KAGAMI_ALLOW_NETWORKS',
        'KAGAMI_LOG',
        'KAGAMI_CONFIG',
        'KAGAMI_SERVER',
        'KAGAMI_TOKEN',
      ]),
    )
    for (const { about, want } of FIELDS) expect(about.length * want.length).toBeGreaterThan(0)
  })
})
