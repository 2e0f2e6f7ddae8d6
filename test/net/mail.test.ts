// Letters by a real SMTP server on loopback (npm's smtp-server).
import { afterEach, describe, expect, test } from 'bun:test'
import { SMTPServer } from 'smtp-server'
import { createSecret } from '../../src/lib/secret.ts'
import type { AddressPolicy } from '../../src/net/address-guard.ts'
import { createMailer, type Letter } from '../../src/net/mail.ts'

const LOOPBACK: AddressPolicy = { allowLoopback: true, allowNetworks: [] }
const LETTER: Letter = { to: 'ann@example.com', subject: 'Grüße', text: 'One line.\nAnd another: ä.\n' }

interface Received {
  readonly from: string
  readonly to: readonly string[]
  readonly text: string
  readonly user: string | undefined
}

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function serve(options: ConstructorParameters<typeof SMTPServer>[0] = {}) {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    allowInsecureAuth: true,
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text: Buffer.concat(chunks).toString(),
          user: session.user as string | undefined,
        })
        done()
      })
    },
    ...options,
  })
  // Connections that a client breaks off.
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => new Promise<void>((resolve) => server.close(() => resolve())))
  const { port } = server.server.address() as { port: number }
  return { received, port }
}

function mailer(url: string, policy = LOOPBACK, lookup?: (host: string) => Promise<readonly string[]>) {
  const from = 'Kagami <kagami@example.com>'
  return createMailer({ url: createSecret(url), from, policy, ...(lookup === undefined ? {} : { lookup }) })
}

describe('mail', () => {
  test('is plain text, from whom the settings say, to one address', async () => {
    const { received, port } = await serve()
    await mailer(`smtp://127.0.0.1:${port}`).send(LETTER)
    expect(received).toMatchObject([{ from: 'kagami@example.com', to: ['ann@example.com'], user: undefined }])
    const text = received[0]?.text ?? ''
    expect(text).toContain('From: Kagami <kagami@example.com>\r\n')
    expect(text).toContain('Content-Type: text/plain; charset=utf-8\r\n')
    expect(text).not.toContain('text/html')
    expect(text).toContain('One line.\r\n')
  })

  test('signs in where the address holds a name and a password', async () => {
    const { received, port } = await serve({
      authOptional: false,
      onAuth: ({ username, password }, _session, done) =>
        password === 'a/b@c' ? done(null, { user: username }) : done(new Error('no')),
    })
    await mailer(`smtp://us%40er:a%2Fb%40c@127.0.0.1:${port}`).send(LETTER)
    expect(received).toMatchObject([{ user: 'us@er' }])
    const wrong = mailer(`smtp://user:super-secret@127.0.0.1:${port}`).send(LETTER)
    const error = await wrong.catch((it) => it)
    expect(error).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
    expect(error.message).toBe('the mail server 127.0.0.1 refuses the user name or password')
  })

  test('goes to the address that was judged, not to where the name leads at another look', async () => {
    const { received, port } = await serve()
    let looks = 0
    const lookup = async () => (looks++ === 0 ? ['127.0.0.1'] : ['192.0.2.1'])
    await mailer(`smtp://mail.example.com:${port}`, LOOPBACK, lookup).send(LETTER)
    expect([received.length, looks]).toEqual([1, 1])
  })

  test('goes to no address that is not allowed, by number or by name', async () => {
    const { received, port } = await serve()
    const policy = { allowLoopback: false, allowNetworks: [] }
    for (const host of ['127.0.0.1', '[::1]', 'mail.example.com']) {
      const sending = mailer(`smtp://${host}:${port}`, policy, async () => ['198.51.100.1', '127.0.0.1']).send(LETTER)
      await expect(sending).rejects.toMatchObject({ code: 'ADDRESS_NOT_ALLOWED' })
    }
    expect(received).toEqual([])
  })

  test('what the server does not take is told in its words, and no longer than that takes', async () => {
    const { port } = await serve({
      onRcptTo: (_address, _session, done) => done(new Error(`no such box ${'x'.repeat(1000)}`)),
    })
    const error = await mailer(`smtp://127.0.0.1:${port}`)
      .send(LETTER)
      .catch((it) => it)
    expect(error.code).toBe('UPSTREAM_DENIED')
    expect(error.message).toContain('no such box')
    expect(error.message.length).toBeLessThan(300)
  })

  test('a server that is not there, or speaks no TLS where that was asked for, is told as that', async () => {
    const { port } = await serve()
    for (const url of ['smtp://127.0.0.1:1', `smtps://127.0.0.1:${port}`]) {
      await expect(mailer(url).send(LETTER)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
    }
  })
})
