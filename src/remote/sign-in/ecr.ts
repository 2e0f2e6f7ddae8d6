/** Amazon ECR and ECR Public: `GetAuthorizationToken` by the official SDK. */
import { AppError } from '../../errors.ts'
import type { AskedLogin, GivenLogin } from './asked.ts'
import { type Exchange, openExchange } from './exchange.ts'
import { signInFailure } from './failure.ts'
import { regionOf } from './settings.ts'

/** The only region that gives out tokens of ECR Public. */
const PUBLIC_REGION = 'us-east-1'
const SESSION_NAME = 'kagami'

interface Authorization {
  readonly authorizationToken?: string | undefined
  readonly expiresAt?: Date | undefined
}

/** @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED */
export async function signInToEcr(asked: AskedLogin): Promise<GivenLogin> {
  const { signIn, kind, endpoint, host, keys, http, timeout, nowMs } = asked
  const exchange = openExchange(http, {}, timeout)
  const isPublic = kind === 'ecr-public'
  const region = isPublic ? PUBLIC_REGION : (regionOf({ url: endpoint.url, signIn }) ?? '')
  const role = signIn.by === 'ecr' ? signIn.role : undefined
  try {
    const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
    const common = { region, requestHandler: handlerOf(exchange), maxAttempts: 2 }
    const own =
      keys === undefined
        ? fromNodeProviderChain({ clientConfig: common })
        : async () => ({ accessKeyId: keys.username, secretAccessKey: keys.password })
    const credentials =
      role === undefined
        ? own
        : fromTemporaryCredentials({
            masterCredentials: own,
            clientConfig: common,
            params: { RoleArn: role, RoleSessionName: SESSION_NAME },
          })
    return loginOf(await authorize({ ...common, credentials }, isPublic), host, nowMs)
  } catch (error) {
    const permission = isPublic
      ? 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken'
      : 'ecr:GetAuthorizationToken'
    const whose = keys === undefined ? 'that the server has AWS credentials (environment, files, role)' : 'the keys'
    const remedy = `Check ${whose}${role === undefined ? '' : ', that they may assume the role'}, and that they allow ${permission}`
    const secrets = keys === undefined ? [] : [keys.password]
    throw signInFailure(error, { host, by: `Amazon ECR (${region})`, remedy, secrets, exchange })
  }
}

type Config = import('@aws-sdk/client-ecr').ECRClientConfig

async function authorize(config: Config, isPublic: boolean): Promise<Authorization | undefined> {
  if (isPublic) {
    const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr-public')
    const client = new ECRPUBLICClient(config as import('@aws-sdk/client-ecr-public').ECRPUBLICClientConfig)
    return (await client.send(new GetAuthorizationTokenCommand({}))).authorizationData
  }
  const { ECRClient, GetAuthorizationTokenCommand } = await import('@aws-sdk/client-ecr')
  return (await new ECRClient(config).send(new GetAuthorizationTokenCommand({}))).authorizationData?.[0]
}

/** The token is the base64 of `AWS:PASSWORD`. */
function loginOf(authorization: Authorization | undefined, host: string, nowMs: number): GivenLogin {
  const text = Buffer.from(authorization?.authorizationToken ?? '', 'base64').toString()
  const colon = text.indexOf(':')
  const expiresMs = authorization?.expiresAt?.getTime() ?? Number.NaN
  if (colon <= 0 || Number.isNaN(expiresMs)) {
    throw new AppError('TARGET_INVALID', `${host}: Amazon ECR answered without a token, want one with its end`)
  }
  return {
    credential: { username: text.slice(0, colon), password: text.slice(colon + 1) },
    expiresInSeconds: Math.max(0, (expiresMs - nowMs) / 1000),
  }
}

interface AwsRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query?: Readonly<Record<string, string | string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** The SDK's port for whoever sends its requests. */
function handlerOf(exchange: Exchange) {
  return {
    metadata: { handlerProtocol: 'http/1.1' },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
    destroy() {},
    async handle(request: AwsRequest, { abortSignal }: { readonly abortSignal?: unknown } = {}) {
      const { method, headers, body } = request
      const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined
      const answer = await exchange.send(urlOf(request), { method, headers, body, signal })
      const stream = new Blob([new Uint8Array(answer.bytes)]).stream()
      return {
        response: { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: stream },
      }
    },
  }
}

function urlOf({ protocol, hostname, port, path, query = {} }: AwsRequest): URL {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`)
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value ?? ''].flat()) url.searchParams.append(name, one)
  }
  return url
}
