// A token service of the distribution project, for a docker-registry whose tokens it signs: what is asked for is given to whoever signs in.
import { readFileSync } from 'node:fs'
import { importPKCS8, SignJWT } from 'jose'
import { makeCertificates } from './docker-registry.ts'
import { freePort, temporaryDirectory } from './process.ts'
import type { Credentials } from './registry-session.ts'

export interface TokenService extends AsyncDisposable {
  /** The `auth` of a docker-registry. */
  readonly auth: object
  /** Scopes of each token that was asked for, sorted. */
  readonly asked: readonly string[][]
}

/** @param credentials who gets more than an empty token */
export async function startTokenService(credentials: Credentials): Promise<TokenService> {
  const directory = temporaryDirectory('token-service')
  const { certFile, keyFile } = makeCertificates(directory.path)
  const [issuer, service] = ['tests', 'test registry']
  const key = await importPKCS8(readFileSync(keyFile, 'utf8'), 'ES256')
  const certificate = readFileSync(certFile, 'utf8').replace(/-----[^-]+-----|\s/g, '')
  const basic = `Basic ${btoa(`${credentials.username}:${credentials.password}`)}`
  const asked: string[][] = []
  const server = Bun.serve({
    port: await freePort(),
    hostname: '127.0.0.1',
    async fetch(request) {
      const scopes = new URL(request.url).searchParams.getAll('scope')
      asked.push([...scopes].sort())
      const authorization = request.headers.get('authorization')
      if (authorization !== null && authorization !== basic) return new Response(null, { status: 401 })
      const access = (authorization === null ? [] : scopes).flatMap((scope) => {
        const [, type, name, actions = ''] = /^([^:]+):(.+):([^:]+)$/.exec(scope) ?? []
        return type === undefined ? [] : [{ type, name, actions: actions.split(',') }]
      })
      const token = new SignJWT({ access })
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: [certificate] })
        .setIssuer(issuer)
        .setAudience(service)
        .setSubject(credentials.username)
        .setJti(crypto.randomUUID())
        .setIssuedAt()
        .setNotBefore('0s')
        .setExpirationTime('5m')
      return Response.json({ token: await token.sign(key), expires_in: 300 })
    },
  })
  const realm = `http://127.0.0.1:${server.port}/token`
  return {
    auth: { token: { realm, service, issuer, rootcertbundle: certFile } },
    asked,
    async [Symbol.asyncDispose]() {
      await server.stop(true)
      directory.remove()
    },
  }
}
