// Azure's sign-in by the real library, against Microsoft Entra, the metadata service and the exchange of a registry on loopback.
import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UnsecuredJWT } from 'jose'
import { createSignIns, type LoginWanted } from '../../../src/remote/sign-in/sign-in.ts'
import { clientTo, type FakeCloud, fakeCloud, withEnvironment } from '../../support/fake-clouds.ts'
import { temporaryDirectory } from '../../support/process.ts'

const TENANT = '11111111-2222-3333-4444-555555555555'
const SECRET = 'secret~of.the-application'
const AUTHORITY = 'https://login.microsoftonline.com'
const AZURE_VARIABLES = {
  AZURE_TENANT_ID: undefined,
  AZURE_CLIENT_ID: undefined,
  AZURE_CLIENT_SECRET: undefined,
  AZURE_FEDERATED_TOKEN_FILE: undefined,
  AZURE_POD_IDENTITY_AUTHORITY_HOST: undefined,
}

let now = new Date()
const clock = { now: () => now }

/** A registry token that ends three hours from now. */
function refreshToken(n: number): string {
  return new UnsecuredJWT({ n }).setExpirationTime(Math.floor(Date.now() / 1000) + 10_800).encode()
}

interface Script {
  readonly entra?: Response
  readonly exchange?: Response
}

function fakeAzure({ entra, exchange }: Script = {}): FakeCloud {
  let given = 0
  return fakeCloud(({ path, body, headers }) => {
    if (path === '/oauth2/exchange') return exchange?.clone() ?? Response.json({ refresh_token: refreshToken(++given) })
    if (path.startsWith('/common/discovery/instance')) {
      const metadata = { preferred_network: 'login.microsoftonline.com', preferred_cache: 'login.windows.net' }
      const aliases = ['login.microsoftonline.com', 'login.windows.net']
      const tenant_discovery_endpoint = `${AUTHORITY}/${TENANT}/v2.0/.well-known/openid-configuration`
      return Response.json({ tenant_discovery_endpoint, metadata: [{ ...metadata, aliases }] })
    }
    if (path.endsWith('/.well-known/openid-configuration')) {
      return Response.json({
        issuer: `${AUTHORITY}/${TENANT}/v2.0`,
        authorization_endpoint: `${AUTHORITY}/${TENANT}/oauth2/v2.0/authorize`,
        token_endpoint: `${AUTHORITY}/${TENANT}/oauth2/v2.0/token`,
        jwks_uri: `${AUTHORITY}/${TENANT}/discovery/v2.0/keys`,
      })
    }
    if (path.startsWith(`/${TENANT}/oauth2/v2.0/token`)) {
      if (entra !== undefined) return entra.clone()
      const by = new URLSearchParams(body).has('client_assertion') ? 'workload' : 'application'
      return Response.json({ access_token: `token of the ${by}`, expires_in: 3600, token_type: 'Bearer' })
    }
    if (path.startsWith('/metadata/identity/oauth2/token')) {
      if (headers.get('metadata') !== 'true') return new Response('', { status: 400 })
      return Response.json({
        access_token: 'token of the machine',
        expires_in: '3600',
        expires_on: `${Math.floor(Date.now() / 1000) + 3600}`,
        resource: 'x',
        token_type: 'Bearer',
      })
    }
    return undefined
  })
}

function signIns(azure: FakeCloud) {
  const [http, ambientHttp] = [clientTo({ [AUTHORITY]: azure.url }), clientTo({ [AUTHORITY]: azure.url })]
  return { http, ambientHttp, ...createSignIns({ http, ambientHttp, clock, dockerConfig: '/nowhere' }) }
}

const wanted = (azure: FakeCloud): LoginWanted => ({
  signIn: { by: 'azure', tenant: TENANT },
  kind: 'azure',
  endpoint: { url: azure.url },
  given: { username: 'application-id', password: SECRET },
  sealedPassword: 'sealed',
  isShared: false,
})
const ambient = (azure: FakeCloud) => ({
  ...wanted(azure),
  signIn: { by: 'azure' } as const,
  given: undefined,
  sealedPassword: null,
  isShared: true,
})

/** What the registry was given to exchange. */
const exchanged = (azure: FakeCloud) =>
  azure.asked
    .filter(({ path }) => path === '/oauth2/exchange')
    .map(({ body }) => new URLSearchParams(body).get('access_token'))

describe('sign-in to Azure', () => {
  test('an application and its secret: a token of Entra, exchanged at the registry, until that ends', async () => {
    await using azure = fakeAzure()
    using _ = withEnvironment(AZURE_VARIABLES)
    const { loginOf, http } = signIns(azure)
    const [login] = await Promise.all([loginOf(wanted(azure)).current(), loginOf(wanted(azure)).current()])
    expect(login?.username).toBe('00000000-0000-0000-0000-000000000000')
    expect(login?.password).toBe(refreshToken(1).slice(0, login?.password.length))
    expect(exchanged(azure)).toEqual(['token of the application'])
    const form = new URLSearchParams(azure.asked.find(({ path }) => path === '/oauth2/exchange')?.body)
    expect(Object.fromEntries(form)).toMatchObject({
      grant_type: 'access_token',
      service: new URL(azure.url).host,
      tenant: TENANT,
    })
    expect(new Set(http.origins)).toEqual(new Set([AUTHORITY, azure.url]))
    now = new Date(now.getTime() + 10_790_000)
    expect(await loginOf(wanted(azure)).current()).not.toEqual(login)
  })

  test('a shared target without keys signs in as the server: environment, workload identity, managed identity', async () => {
    await using azure = fakeAzure()
    using _ = withEnvironment(AZURE_VARIABLES)
    const id = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: 'application-id' }
    {
      using _ = withEnvironment({ ...id, AZURE_CLIENT_SECRET: SECRET })
      await signIns(azure).loginOf(ambient(azure)).current()
    }
    const directory = temporaryDirectory('azure')
    try {
      const file = join(directory.path, 'token')
      writeFileSync(file, 'a.federated.token')
      using _ = withEnvironment({ ...id, AZURE_FEDERATED_TOKEN_FILE: file })
      await signIns(azure).loginOf(ambient(azure)).current()
    } finally {
      directory.remove()
    }
    {
      using _ = withEnvironment({ AZURE_POD_IDENTITY_AUTHORITY_HOST: azure.url })
      await signIns(azure).loginOf(ambient(azure)).current()
    }
    expect(exchanged(azure)).toEqual(['token of the application', 'token of the workload', 'token of the machine'])
  })

  test('refusals of Entra and of the registry say what to do, without the secret or the token', async () => {
    using _ = withEnvironment(AZURE_VARIABLES)
    const told = async (script: Script) => {
      await using azure = fakeAzure(script)
      return await signIns(azure)
        .loginOf(wanted(azure))
        .current()
        .catch((thrown) => thrown)
    }
    const refused = { error: 'invalid_client', error_description: `AADSTS7000215: Invalid client secret ${SECRET}.` }
    const denied = await told({ entra: Response.json(refused, { status: 401 }) })
    expect(denied).toMatchObject({ code: 'TARGET_DENIED', message: expect.stringMatching(/AADSTS7000215.*AcrPush/) })
    expect(Bun.inspect(denied)).not.toContain(SECRET)
    const unknown = await told({ exchange: new Response('token of the application', { status: 401 }) })
    expect(unknown).toMatchObject({ code: 'TARGET_DENIED', message: expect.stringContaining('AcrPush') })
    expect(Bun.inspect(unknown)).not.toContain('token of the application')
    expect((await told({ exchange: Response.json({}) })).code).toBe('TARGET_INVALID')
    expect((await told({ exchange: new Response('', { status: 500 }) })).code).toBe('TARGET_UNAVAILABLE')
  })
})
