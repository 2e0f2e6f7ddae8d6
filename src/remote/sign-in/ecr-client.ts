/** How the official SDK asks Amazon: whose keys it signs by, and that its requests are sent by our client. */
import type { AskedLogin } from './asked.ts'
import type { Exchange } from './exchange.ts'
import { signInFailure } from './failure.ts'
import { regionOf } from './settings.ts'

/** The only region that gives out tokens of ECR Public. */
const PUBLIC_REGION = 'us-east-1'
const SESSION_NAME = 'kagami'

type Config = import('@aws-sdk/client-ecr').ECRClientConfig & { readonly region: string }

/** Keys that people have given, or what the SDK finds where the server runs, and with either a role that is assumed. */
export async function ecrConfigOf({ signIn, kind, endpoint, keys }: EcrAccount, exchange: Exchange): Promise<Config> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers')
  const region = kind === 'ecr-public' ? PUBLIC_REGION : (regionOf({ url: endpoint.url, signIn }) ?? '')
  const role = roleOf(signIn)
  const common = { region, requestHandler: handlerOf(exchange), maxAttempts: 2 }
  const own =
    keys === undefined
      ? fromNodeProviderChain({ clientConfig: common })
      : async () => ({ accessKeyId: keys.username, secretAccessKey: keys.password })
  if (role === undefined) return { ...common, credentials: own }
  const params = { RoleArn: role, RoleSessionName: SESSION_NAME }
  return { ...common, credentials: fromTemporaryCredentials({ masterCredentials: own, clientConfig: common, params }) }
}

export type EcrAccount = Pick<AskedLogin, 'signIn' | 'kind' | 'endpoint' | 'keys' | 'host'>

/** @param permission what the keys must allow @param exchange undefined: of a client that asks several things at a time */
export function ecrFailure(
  error: unknown,
  { signIn, host, keys }: EcrAccount,
  permission: string,
  exchange?: Exchange,
): unknown {
  const whose = keys === undefined ? 'that the server has AWS credentials (environment, files, role)' : 'the keys'
  const role = roleOf(signIn) === undefined ? '' : ', that they may assume the role'
  const remedy = `Check ${whose}${role}, and that they allow ${permission}`
  const secrets = keys === undefined ? [] : [keys.password]
  const status = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata?.httpStatusCode
  const last = exchange?.last ?? (status === undefined ? {} : { status })
  return signInFailure(error, { host, by: 'Amazon ECR', remedy, secrets, last })
}

function roleOf(signIn: EcrAccount['signIn']): string | undefined {
  return signIn.by === 'ecr' ? signIn.role : undefined
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
