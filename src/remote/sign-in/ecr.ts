/** Amazon ECR and ECR Public: `GetAuthorizationToken` by the official SDK. */
import { AppError } from '../../errors.ts'
import type { AskedLogin, GivenLogin } from './asked.ts'
import { ecrConfigOf, ecrFailure } from './ecr-client.ts'
import { openExchange } from './exchange.ts'

interface Authorization {
  readonly authorizationToken?: string | undefined
  readonly expiresAt?: Date | undefined
}

/** @throws AppError TARGET_*, ADDRESS_NOT_ALLOWED */
export async function signInToEcr(asked: AskedLogin): Promise<GivenLogin> {
  const { kind, host, http, timeout, nowMs } = asked
  const exchange = openExchange(http, {}, timeout)
  const isPublic = kind === 'ecr-public'
  try {
    return loginOf(await authorize(await ecrConfigOf(asked, exchange), isPublic), host, nowMs)
  } catch (error) {
    const permission = isPublic
      ? 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken'
      : 'ecr:GetAuthorizationToken'
    throw ecrFailure(error, asked, permission, exchange)
  }
}

async function authorize(
  config: Awaited<ReturnType<typeof ecrConfigOf>>,
  isPublic: boolean,
): Promise<Authorization | undefined> {
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
