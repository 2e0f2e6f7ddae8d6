// `webhook listen`: what a developer sees, and what reaches the local port.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Webhook } from 'standardwebhooks'
import { hubPayloadSchema } from '../../src/api/webhook-payload.ts'
import { type CommandLineUser, signInOwner } from '../support/command-line.ts'
import { emptyIndexPushed } from '../support/empty-index.ts'
import { OWNER, startWholeServer, type WholeServer } from '../support/whole-server.ts'

let kagami: WholeServer
let owner: CommandLineUser
let seq = 0
beforeAll(async () => {
  kagami = await startWholeServer()
  owner = await signInOwner(kagami)
  await kagami.call('POST', '/repositories', { login: OWNER, body: { name: 'acme/app' } })
  await emptyIndexPushed(kagami.url, 'acme/app', '1.0', OWNER)
  await emptyIndexPushed(kagami.url, 'acme/app', '1.1', OWNER)
})
afterAll(() => kagami.stop())

function receiver(status = 200) {
  const posts: { headers: Headers; body: string }[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      posts.push({ headers: request.headers, body: await request.text() })
      return new Response('thanks', { status })
    },
  })
  return { posts, url: `http://127.0.0.1:${server.port}/hook`, stop: () => server.stop(true) }
}

test('shows each event on a line, and as a document', async () => {
  const text = await owner.run([
    'webhook',
    'listen',
    'acme/app',
    '--after',
    '0',
    '--events',
    'tag.moved',
    '--count',
    '2',
  ])
  expect([text.status, text.stderr]).toEqual([0, ''])
  const lines = text.stdout.split('\n')
  expect(lines.map((line) => line.split('  ').slice(1, 3))).toEqual([
    ['tag.moved', 'acme/app:1.0'],
    ['tag.moved', 'acme/app:1.1'],
  ])
  expect(lines[0]).toMatch(/ nothing → sha256:[0-9a-f]{12}$/)
  const json = await owner.run(['webhook', 'listen', 'acme', '--after', '0', '--tags', '1.1', '--count', '1', '--json'])
  const told = JSON.parse(json.stdout)
  expect([told.kind, told.tag, told.repository, told.forwarded]).toEqual(['tag.moved', '1.1', 'acme/app', null])
  seq = told.seq
})

test('posts to a local port, signed with the secret that it prints', async () => {
  const local = receiver()
  try {
    const listening = owner.run([
      'webhook',
      'listen',
      'acme/app',
      '--forward',
      local.url,
      '--after',
      String(seq),
      '--count',
      '1',
    ])
    await emptyIndexPushed(kagami.url, 'acme/app', '1.2', OWNER)
    const ended = await listening
    expect([ended.status, ended.stdout.endsWith('→ 200 OK')]).toEqual([0, true])
    const secret = /whsec_\S+/.exec(ended.stderr)?.[0] ?? ''
    const [post] = local.posts
    if (post === undefined) throw new Error('nothing was posted')
    const headers = Object.fromEntries(post.headers)
    expect(hubPayloadSchema.parse(new Webhook(secret).verify(post.body, headers)).push_data?.tag).toBe('1.2')
    expect(() => new Webhook(secret).verify(post.body.replace('1.2', '6.6'), headers)).toThrow()
    expect(headers['content-type']).toBe('application/json')
  } finally {
    await local.stop()
  }
})

test('goes on past a receiver that refuses or is not there, says what it said, and ends as failed', async () => {
  const local = receiver(503)
  const args = [
    'webhook',
    'listen',
    'acme/app',
    '--after',
    '0',
    '--events',
    'tag.moved',
    '--count',
    '2',
    '--format',
    'slack',
  ]
  const refused = await owner.run([...args, '--forward', local.url])
  await local.stop()
  expect([refused.status, local.posts.length]).toEqual([1, 2])
  expect(refused.stdout.split('\n').every((line) => line.endsWith('→ 503 Service Unavailable'))).toBe(true)
  const absent = await owner.run([...args, '--forward', local.url])
  expect([absent.status, absent.stdout.split('\n').length]).toEqual([1, 2])
  expect(absent.stdout).toContain('refused')
})

test('what is wrong is said at once', async () => {
  const cases: [string[], number, string][] = [
    [['acme/absent'], 1, 'there is no repository acme/absent'],
    [['acme/app', '--forward', 'localhost:3000'], 2, '--forward'],
    [['acme/app', '--format', 'xml'], 2, 'format'],
    [['acme/app', '--count', 'some'], 2, 'whole number'],
  ]
  for (const [args, status, message] of cases) {
    const ended = await owner.run(['webhook', 'listen', ...args])
    expect([args, ended.status, ended.stderr.includes(message)]).toEqual([args, status, true])
  }
})
