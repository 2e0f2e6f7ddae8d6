// An issuer of identity on loopback, as CI systems have one: a discovery document, a key set that rotates, JWTs
// of any shape; and a provider that lies, as no real one does.
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

type Fault = 'down' | 'redirect' | 'huge' | 'nonsense' | 'another issuer' | 'symmetric'

export interface IdentityIssuer {
  readonly url: string
  /** The claims that CI systems always set, and these: undefined leaves one out. */
  sign(claims: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** Signed by a key of nobody. */
  signByStranger(claims: Readonly<Record<string, unknown>>): Promise<string>
  /** A new key signs from now on, and the old one is gone. */
  rotate(): Promise<void>
  /** The public key, as anybody reads it. */
  publicKey(): JWK
  fault: Fault | undefined
  /** Answers only after that. */
  hold: Promise<void> | undefined
  /** What its token endpoint answers, whatever the code is. */
  idToken: () => Promise<string>
  readonly requests: string[]
  stop(): Promise<void>
}

export async function startIdentityIssuer(): Promise<IdentityIssuer> {
  let key = await newKey(1)
  const requests: string[] = []
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      requests.push(pathname)
      await issuer.hold
      switch (issuer.fault) {
        case 'down':
          return new Response('no', { status: 503 })
        case 'redirect':
          return Response.redirect('http://169.254.169.254/keys', 302)
        case 'huge':
          return new Response(`{"keys":[${'{"kty":"RSA"},'.repeat(100_000)}{}]}`)
        case 'nonsense':
          return new Response('<html>')
      }
      if (pathname === '/.well-known/openid-configuration') {
        return Response.json({
          issuer: issuer.fault === 'another issuer' ? 'https://another.example' : issuer.url,
          jwks_uri: `${issuer.url}/keys`,
          authorization_endpoint: `${issuer.url}/authorize`,
          token_endpoint: `${issuer.url}/token`,
          id_token_signing_alg_values_supported: ['RS256', 'HS256', 'none'],
          authorization_response_iss_parameter_supported: true,
        })
      }
      if (pathname === '/token') {
        return Response.json({ access_token: 'opaque', token_type: 'Bearer', id_token: await issuer.idToken() })
      }
      if (pathname !== '/keys') return new Response('no', { status: 404 })
      if (issuer.fault === 'symmetric') return Response.json({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'shared' }] })
      return Response.json({ keys: [key.jwk] })
    },
  })
  const sign = (claims: object, by: Awaited<ReturnType<typeof newKey>>, header: object = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const usual = { iss: issuer.url, iat: now, nbf: now, exp: now + 300, jti: crypto.randomUUID() }
    return new SignJWT({ ...usual, ...claims } as JWTPayload)
      .setProtectedHeader({ alg: 'RS256', kid: by.jwk.kid, ...header })
      .sign(by.privateKey)
  }
  const issuer: IdentityIssuer = {
    url: `http://127.0.0.1:${server.port}`,
    sign: (claims, header) => sign(claims, key, header),
    async signByStranger(claims) {
      const stranger = await newKey(1)
      return sign(claims, { ...stranger, jwk: { ...stranger.jwk, kid: key.jwk.kid ?? '' } })
    },
    async rotate() {
      key = await newKey(Number(key.jwk.kid) + 1)
    },
    publicKey: () => key.jwk,
    fault: undefined,
    hold: undefined,
    idToken: () => issuer.sign({}),
    requests,
    stop: () => server.stop(true),
  }
  return issuer
}

async function newKey(number: number) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig', kid: String(number) } }
}

/** What a job of GitHub Actions says of itself. */
export function githubClaims(repository: string, ref: string): Record<string, unknown> {
  const [owner] = repository.split('/')
  return {
    aud: 'https://kagami.example',
    sub: `repo:${repository}:ref:${ref}`,
    repository,
    repository_owner: owner,
    repository_id: '74',
    repository_owner_id: '65',
    repository_visibility: 'private',
    ref,
    ref_type: 'branch',
    ref_protected: 'true',
    event_name: 'push',
    workflow: 'release',
    job_workflow_ref: `${repository}/.github/workflows/release.yml@${ref}`,
    run_id: '30433642',
    run_attempt: '1',
    actor: 'octocat',
    runner_environment: 'github-hosted',
  }
}

/** What a job of GitLab CI says of itself. */
export function gitlabClaims(project: string, ref: string): Record<string, unknown> {
  return {
    aud: 'https://kagami.example',
    sub: `project_path:${project}:ref_type:branch:ref:${ref}`,
    namespace_id: '72',
    namespace_path: project.slice(0, project.lastIndexOf('/')),
    project_id: '20',
    project_path: project,
    user_login: 'sample-user',
    pipeline_source: 'push',
    job_id: '302',
    ref,
    ref_type: 'branch',
    ref_protected: 'true',
    groups_direct: ['mygroup/mysubgroup'],
    environment_protected: 'false',
  }
}
