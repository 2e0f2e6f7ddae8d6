// Invitations by mail, and what owners are told of webhooks, through the whole server and a real SMTP server on loopback.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { SMTPServer } from 'smtp-server'
import { invitationCreatedSchema } from '../../../src/api/invitations.ts'
import { emptyIndexPushed } from '../../support/empty-index.ts'
import { startReceiver, status } from '../../support/webhook-receiver.ts'
import { OWNER, startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const PUBLIC = 'http://kagami.localhost'

let kagami: WholeServer
let smtp: SMTPServer
let onLetter = () => {}
const letters: { readonly to: string | undefined; readonly text: string }[] = []

beforeAll(async () => {
  smtp = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onRcptTo: ({ address }, _session, done) => (address.startsWith('gone') ? done(new Error('no such box')) : done()),
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        letters.push({ to: session.envelope.rcptTo[0]?.address, text: Buffer.concat(chunks).toString() })
        done()
        onLetter()
      })
    },
  })
  await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve))
  const { port } = smtp.server.address() as { port: number }
  kagami = await startWholeServer({
    env: {
      KAGAMI_URL: PUBLIC,
      KAGAMI_SMTP_URL: `smtp://127.0.0.1:${port}`,
      KAGAMI_SMTP_FROM: 'kagami@example.com',
      KAGAMI_ALLOW_NETWORKS: '127.0.0.0/8',
    },
  })
})
afterAll(async () => {
  await kagami?.stop()
  await new Promise<void>((resolve) => smtp.close(() => resolve()))
})

const invite = async (email: string) =>
  (await kagami.call('POST', '/organizations/acme/invitations', { login: OWNER, body: { email, role: 'editor' } })).as(
    invitationCreatedSchema,
  )

/** Quoted-printable undone. */
function plain(text: string): string {
  return text
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replaceAll('\r\n', '\n')
}

test('the letter says who invites to what, has the link on a line of its own, and until when it serves', async () => {
  const made = await invite('ann@example.com')
  expect([made.mail, made.mailProblem]).toEqual(['sent', null])
  expect(made.url).toStartWith(`${PUBLIC}/invitations#kgm_inv_`)
  expect(letters.map(({ to }) => to)).toEqual(['ann@example.com'])
  const text = plain(letters[0]?.text ?? '')
  expect(text).toContain(`Subject: Invitation to acme on kagami.localhost`)
  expect(text).toContain('owner invites you to the organization acme on')
  expect(text.split('\n')).toContain(made.url)
  expect(text).toContain(`until ${made.expiresAt.slice(0, 10)}`)
  const secret = new URL(made.url).hash.slice(1)
  expect((await kagami.call('POST', '/invitations/show', { body: { secret } })).status).toBe(200)
})

test('the invitation is there also where the letter was not taken', async () => {
  const made = await invite('gone@example.com')
  expect([made.mail, made.mailProblem]).toEqual(['failed', expect.stringContaining('no such box')])
  const secret = new URL(made.url).hash.slice(1)
  expect((await kagami.call('POST', '/invitations/show', { body: { secret } })).status).toBe(200)
})

test('an owner who has an address is told of a webhook that was disabled', async () => {
  const receiver = await startReceiver(status(410))
  const must = async (method: string, path: string, body: object) => {
    const answer = await kagami.call(method, path, { login: OWNER, body })
    if (answer.status >= 300) throw new Error(answer.text)
  }
  await must('PATCH', '/user', { email: 'owner@example.com' })
  await must('POST', '/repositories', { name: 'acme/app' })
  await must('POST', '/repositories/acme/app/webhooks', { name: 'ci', url: receiver.url, plainHttp: true })
  const came = new Promise<void>((resolve) => {
    onLetter = resolve
  })
  await emptyIndexPushed(kagami.url, 'acme/app', 'v1', OWNER)
  await came
  receiver.stop()
  expect(letters.at(-1)?.to).toBe('owner@example.com')
  expect(plain(letters.at(-1)?.text ?? '')).toContain('ci of acme/app: the receiver answered 410: it is gone for good')
})
