/** Azure Container Registry: a token of Microsoft Entra by the official library, exchanged at the registry for one of its own. */
import type { TokenCredential } from '@azure/identity'
import { environment } from '../../config/environment.ts'
import { AppError } from '../../errors.ts'
import { parseForeignJson } from '../../lib/json.ts'
import { parseUpstreamUrl } from '../upstream.ts'
import type { AskedLogin, GivenLogin } from './asked.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { signInFailure } from './failure.ts'

/** Stands for "the password is a refresh token" at every Azure registry. */
const USERNAME = '00000000-0000-0000-0000-000000000000'
/** Of the three hours that such a token lasts, where it does not say. */
const UNKNOWN_LIFE_SECONDS = 30 * 60

/** Clouds of their own, with their own services. */
const CLOUDS = [
  {
    host: /\.azurecr\.cn$/,
    authority: 'https://login.chinacloudapi.cn',
    audience: 'https://management.chinacloudapi.cn',
  },
  {
    host: /\.azurecr\.us$/,
    authority: 'https://login.microsoftonline.us',
    audience: 'https://management.usgovcloudapi.net',
  },
] as const
const PUBLIC = { authority: undefined, audience: 'https://containerregistry.azure.net' } as const

/** @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED */
export async function signInToAzure(asked: AskedLogin): Promise<GivenLogin> {
  const { endpoint, host, keys, http, registryHttp, timeout, signIn, nowMs } = asked
  const { base } = parseUpstreamUrl(endpoint.url)
  const cloud = CLOUDS.find((one) => one.host.test(base.hostname)) ?? PUBLIC
  const exchange = openExchange(http, {}, timeout)
  const tenant = signIn.by === 'azure' ? signIn.tenant : undefined
  const secrets = keys === undefined ? [] : [keys.password]
  const failed = (error: unknown) => {
    const whose =
      keys === undefined
        ? 'that the server has an identity (environment, workload identity, managed identity)'
        : 'the application id, its secret and its tenant'
    const remedy = `Check ${whose}, and that it has the role AcrPush on the registry`
    return signInFailure(error, { host, by: 'Microsoft Entra', remedy, secrets, last: exchange.last })
  }
  let token: string
  try {
    const credential = await credentialOf(asked, exchange, cloud.authority)
    token = (await credential.getToken(`${cloud.audience}/.default`, { abortSignal: timeout }))?.token ?? ''
    if (token === '') throw new Error('it answered without a token')
  } catch (error) {
    throw failed(error)
  }
  secrets.push(token)
  const { ca, plainHttp } = endpoint
  const trust = { ...(ca === undefined ? {} : { ca }), ...(plainHttp === undefined ? {} : { plainHttp }) }
  const registry = openExchange(registryHttp, trust, timeout)
  try {
    return await exchangeToken(registry, base, { token, tenant, nowMs })
  } catch (error) {
    const remedy = 'Check that the identity has the role AcrPush on the registry'
    throw signInFailure(error, { host, by: 'the registry', remedy, secrets, last: registry.last })
  }
}

async function credentialOf(
  { keys, signIn }: AskedLogin,
  exchange: Exchange,
  authorityHost: string | undefined,
): Promise<TokenCredential> {
  const azure = await import('@azure/identity')
  const tenantId = signIn.by === 'azure' ? signIn.tenant : undefined
  const { createHttpHeaders } = await import('@azure/core-rest-pipeline')
  const options = {
    ...(authorityHost === undefined ? {} : { authorityHost }),
    retryOptions: { maxRetries: 1 },
    httpClient: {
      async sendRequest(request: import('@azure/core-rest-pipeline').PipelineRequest) {
        const { url, method, body, abortSignal } = request
        const answer = await exchange.send(new URL(url), {
          method,
          headers: request.headers.toJSON(),
          body: typeof body === 'function' ? body() : body,
          signal: abortSignal instanceof AbortSignal ? abortSignal : undefined,
        })
        return {
          request,
          status: answer.status,
          headers: createHttpHeaders(Object.fromEntries(answer.headers)),
          bodyAsText: new TextDecoder().decode(answer.bytes),
        }
      },
    },
  }
  if (keys !== undefined) {
    return new azure.ClientSecretCredential(tenantId ?? '', keys.username, keys.password, options)
  }
  const tenant = tenantId === undefined ? {} : { tenantId }
  // What a server has; those of developers' machines run programs of theirs.
  const sources: TokenCredential[] = [new azure.EnvironmentCredential(options)]
  try {
    sources.push(new azure.WorkloadIdentityCredential({ ...options, ...tenant }))
  } catch {
    // Its variables are not set: it cannot be made.
  }
  const clientId = environment.AZURE_CLIENT_ID
  sources.push(new azure.ManagedIdentityCredential({ ...options, ...(clientId === undefined ? {} : { clientId }) }))
  return new azure.ChainedTokenCredential(...sources)
}

/** `POST /oauth2/exchange` of the registry. */
async function exchangeToken(
  exchange: Exchange,
  base: URL,
  { token, tenant, nowMs }: { readonly token: string; readonly tenant: string | undefined; readonly nowMs: number },
): Promise<GivenLogin> {
  const form = new URLSearchParams({ grant_type: 'access_token', service: base.host, access_token: token })
  if (tenant !== undefined) form.set('tenant', tenant)
  const answer = await exchange.send(new URL('/oauth2/exchange', base), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: form,
  })
  if (answer.status !== 200) throw new Error(`it answered ${answer.status} to the exchange of the token`)
  let refresh: unknown
  try {
    refresh = (parseForeignJson(new TextDecoder().decode(answer.bytes)) as { refresh_token?: unknown } | null)
      ?.refresh_token
  } catch {
    // Told below, without any of it.
  }
  if (typeof refresh !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(refresh)) {
    throw new AppError('TARGET_INVALID', `${base.host}: the exchange of the token was answered without one`)
  }
  return { credential: { username: USERNAME, password: refresh }, expiresInSeconds: lifeOf(refresh, nowMs) }
}

/** Of a JWT, by its own word: nothing depends on it but when the next one is asked for. */
function lifeOf(token: string, nowMs: number): number {
  try {
    const claims = parseForeignJson(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { exp?: unknown }
    const seconds = Number(claims.exp) - nowMs / 1000
    return Number.isFinite(seconds) && seconds > 0 ? seconds : UNKNOWN_LIFE_SECONDS
  } catch {
    return UNKNOWN_LIFE_SECONDS
  }
}
