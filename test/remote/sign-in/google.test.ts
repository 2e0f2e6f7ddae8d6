// Google's sign-in by the real library, against its token services on loopback.
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { systemClock } from '../../../src/lib/clock.ts'
import { createSignIns, type LoginWanted } from '../../../src/remote/sign-in/sign-in.ts'
import { clientTo, type FakeCloud, fakeCloud, withEnvironment } from '../../support/fake-clouds.ts'
import { temporaryDirectory } from '../../support/process.ts'

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
})
const EMAIL = 'push@project.iam.gserviceaccount.com'
const KEY = JSON.stringify({
  type: 'service_account',
  client_email: EMAIL,
  private_key: privateKey,
  project_id: 'project',
})
const WANTED: LoginWanted = {
  signIn: { by: 'google' },
  kind: 'google',
  endpoint: { url: 'https://europe-docker.pkg.dev/project/images' },
  given: { username: '_json_key', password: KEY },
  sealedPassword: 'sealed',
  isShared: false,
}
const TOKEN_SERVICE = 'https://oauth2.googleapis.com'

function fakeGoogle(refuse?: Response): FakeCloud {
  return fakeCloud(({ path, body }) => {
    if (refuse !== undefined) return refuse.clone()
    const form = new URLSearchParams(body)
    if (path === '/token' && form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer') {
      return Response.json({ access_token: 'token of the key', expires_in: 3600, token_type: 'Bearer' })
    }
    if (path === '/sts') {
      return Response.json({
        ...{ access_token: 'token of the workload', expires_in: 3600, token_type: 'Bearer' },
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      })
    }
    const flavor = { headers: { 'metadata-flavor': 'Google', 'content-type': 'application/json' } }
    if (path.startsWith('/computeMetadata/v1/instance/service-accounts/default/token')) {
      return Response.json({ access_token: 'token of the instance', expires_in: 3600, token_type: 'Bearer' }, flavor)
    }
    return path.startsWith('/computeMetadata') ? new Response('', flavor) : undefined
  })
}

function signIns(google: FakeCloud) {
  const [http, ambientHttp] = [clientTo({ [TOKEN_SERVICE]: google.url }), clientTo({ [TOKEN_SERVICE]: google.url })]
  return { http, ambientHttp, ...createSignIns({ http, ambientHttp, clock: systemClock, dockerConfig: '/nowhere' }) }
}

const AMBIENT = { ...WANTED, given: undefined, sealedPassword: null, isShared: true }

describe('sign-in to Google', () => {
  test('the key of a service account signs an assertion; the token is a password', async () => {
    await using google = fakeGoogle()
    const { loginOf, http } = signIns(google)
    const login = loginOf(WANTED)
    const many = await Promise.all([login.current(), login.current(), loginOf(WANTED).current()])
    expect(new Set(many.map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify({ username: 'oauth2accesstoken', password: 'token of the key' })]),
    )
    expect(http.origins).toEqual([TOKEN_SERVICE])
    const assertion = new URLSearchParams(google.asked[0]?.body).get('assertion') ?? ''
    expect(decodeJwt(assertion)).toMatchObject({ iss: EMAIL, scope: 'https://www.googleapis.com/auth/cloud-platform' })
  })

  test('Application Default Credentials: a file that is named, and workload identity federation', async () => {
    await using google = fakeGoogle()
    const directory = temporaryDirectory('google')
    try {
      const file = (name: string, text: string) => {
        const path = join(directory.path, name)
        writeFileSync(path, text)
        return path
      }
      {
        using _ = withEnvironment({ GOOGLE_APPLICATION_CREDENTIALS: file('key.json', KEY) })
        const { loginOf, ambientHttp, http } = signIns(google)
        expect((await loginOf(AMBIENT).current())?.password).toBe('token of the key')
        expect([http.origins, ambientHttp.origins]).toEqual([[], [TOKEN_SERVICE]])
      }
      const federated = JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${google.url}/sts`,
        credential_source: { file: file('subject', 'a.subject.token') },
      })
      using _ = withEnvironment({ GOOGLE_APPLICATION_CREDENTIALS: file('federated.json', federated) })
      expect((await signIns(google).loginOf(AMBIENT).current())?.password).toBe('token of the workload')
      expect(new URLSearchParams(google.asked.at(-1)?.body).get('subject_token')).toBe('a.subject.token')
    } finally {
      directory.remove()
    }
  })

  test('the metadata service of the machine', async () => {
    await using google = fakeGoogle()
    using _ = withEnvironment({
      GCE_METADATA_HOST: new URL(google.url).host,
      METADATA_SERVER_DETECTION: 'assume-present',
      GOOGLE_APPLICATION_CREDENTIALS: undefined,
      HOME: '/nonexistent',
      CLOUDSDK_CONFIG: '/nonexistent',
    })
    expect((await signIns(google).loginOf(AMBIENT).current())?.password).toBe('token of the instance')
  })

  test('given JSON that names files, programs or addresses of the server is refused unread', async () => {
    await using google = fakeGoogle()
    for (const password of [
      JSON.stringify({
        type: 'external_account',
        token_url: `${google.url}/sts`,
        credential_source: { file: '/etc/passwd' },
      }),
      JSON.stringify({ type: 'authorized_user', client_id: 'x', client_secret: 'y', refresh_token: 'secret-refresh' }),
      'no JSON but secret-refresh',
    ]) {
      const error = await signIns(google)
        .loginOf({ ...WANTED, given: { username: '_json_key', password } })
        .current()
        .catch((thrown) => thrown)
      expect(error).toMatchObject({ code: 'TARGET_DENIED', message: expect.stringContaining('type service_account') })
      expect(Bun.inspect(error)).not.toContain('secret-refresh')
    }
    expect(google.asked).toEqual([])
  })

  test('a refusal says what to do, and holds neither key nor assertion', async () => {
    await using google = fakeGoogle(
      Response.json({ error: 'invalid_grant', error_description: 'Invalid JWT Signature.' }, { status: 400 }),
    )
    const error = await signIns(google)
      .loginOf(WANTED)
      .current()
      .catch((thrown) => thrown)
    expect(error).toMatchObject({
      code: 'TARGET_DENIED',
      message: expect.stringMatching(/invalid_grant.*roles\/artifactregistry\.writer$/),
    })
    const assertion = new URLSearchParams(google.asked[0]?.body).get('assertion') ?? 'none'
    expect(Bun.inspect(error)).not.toContain(assertion)
    expect(Bun.inspect(error)).not.toContain('PRIVATE KEY')
    await using busy = fakeGoogle(new Response('', { status: 503 }))
    await expect(signIns(busy).loginOf(WANTED).current()).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE' })
  })
})
