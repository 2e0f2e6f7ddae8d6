/** Which ways to sign in a target may have. Pure. */
import type { RegistryKind, SignIn } from '../../api/targets.ts'
import { AppError } from '../../errors.ts'
import { kindOfAddress } from '../registry-traits.ts'
import { parseUpstreamUrl } from '../upstream.ts'

/** Whoever gets a cloud's token can use it: each goes to registries of that cloud alone, or to what people say is one. */
const KINDS: Readonly<Record<SignIn['by'], readonly RegistryKind[] | undefined>> = {
  password: undefined,
  ecr: ['ecr', 'ecr-public'],
  google: ['google'],
  azure: ['azure'],
  docker: undefined,
}

export interface SignInFacts {
  readonly url: string
  /** As people have said; null: as the address says. */
  readonly kind: RegistryKind | null
  readonly signIn: SignIn
  readonly isShared: boolean
  readonly hasLogin: boolean
}

/** The kind that people have said, or that the address says. */
export function kindOfTarget({ kind, url }: Pick<SignInFacts, 'kind' | 'url'>): RegistryKind {
  return kind ?? kindOfAddress(parseUpstreamUrl(url))
}

/**
 * What an organization may have the server sign in by is its own keys: the server's files, environment and identity are the operator's.
 * @throws AppError INVALID_REQUEST
 */
export function checkSignIn(target: SignInFacts): void {
  const { signIn, isShared, hasLogin } = target
  const { by } = signIn
  if (by === 'docker' && !isShared) {
    throw refuse(
      "docker's config.json on the server is the operator's: only a shared target signs in by it (--shared); give user name and password",
    )
  }
  if (by === 'docker' && hasLogin) throw refuse("docker's config.json holds the login, want none besides it")
  const isAmbient = by !== 'password' && by !== 'docker' && !hasLogin
  if (isAmbient && !isShared) {
    throw refuse(
      `without keys, ${by} signs in as the server itself, which only a shared target does (--shared): give keys (--username, --password-stdin)`,
    )
  }
  const kind = kindOfTarget(target)
  const kinds = KINDS[by]
  if (kinds !== undefined && !kinds.includes(kind)) {
    throw refuse(
      `${by} signs in to ${kinds.join(' and ')} alone, and the address says ${kind}: if it is one under another name, say so (--kind ${kinds[0]})`,
    )
  }
  if (signIn.by === 'ecr' && kind === 'ecr' && regionOf(target) === undefined) {
    throw refuse('the address names no region, want one (--region)')
  }
  if (signIn.by === 'azure' && hasLogin && signIn.tenant === undefined) {
    throw refuse('an application id and its secret belong to a tenant, want it (signIn.tenant, --tenant)')
  }
}

/** Of a private ECR: as people have said, or as its address says. */
export function regionOf({ url, signIn }: Pick<SignInFacts, 'url' | 'signIn'>): string | undefined {
  if (signIn.by === 'ecr' && signIn.region !== undefined) return signIn.region
  const { hostname } = parseUpstreamUrl(url).base
  return /\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.(?:aws|amazonwebservices\.com\.cn))$/.exec(
    hostname,
  )?.[1]
}

function refuse(message: string): AppError {
  return new AppError('INVALID_REQUEST', `signIn: ${message}`, { about: { reason: 'invalid', where: 'signIn' } })
}
