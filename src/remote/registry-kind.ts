/** What registry stands at an address whose name says nothing: by its answer to `/v2/`, asked without a login. */
import type { RegistryKind } from '../api/targets.ts'
import { isCancelled } from '../errors.ts'
import { discard } from '../net/bounded-body.ts'
import type { Abortable } from '../oci/repository.ts'
import { type Challenge, chooseChallenge, parseChallenges } from './challenge.ts'
import type { RegistryNetwork } from './network.ts'
import { kindOfAddress } from './registry-traits.ts'
import { openSession } from './session.ts'
import { parseUpstreamUrl, type UpstreamEndpoint } from './upstream.ts'

/** How a kind shows, in the order in which it is looked for. */
export const SIGNS: readonly {
  readonly kind: RegistryKind
  /** For people. */
  readonly sign: string
  readonly isShown: (headers: Headers, challenge: Challenge | undefined) => boolean
}[] = [
  {
    // goharbor/harbor, src/core/service/token: its token service's name.
    kind: 'harbor',
    sign: 'token service `harbor-registry`',
    isShown: (_, challenge) => challenge?.params.service === 'harbor-registry',
  },
  {
    // https://docs.gitlab.com/administration/packages/container_registry/
    kind: 'gitlab',
    sign: 'token service `container_registry`',
    isShown: (_, challenge) => challenge?.params.service === 'container_registry',
  },
  {
    kind: 'kagami',
    sign: 'token service `kagami`',
    isShown: (_, challenge) => challenge?.params.service === 'kagami',
  },
  {
    // As its answers are quoted in jfrog/charts#455.
    kind: 'artifactory',
    sign: 'headers `X-Artifactory-Id`, `X-JFrog-Version`, `Server: Artifactory`, or a token service at `/api/docker/`',
    isShown: (headers, challenge) =>
      headers.has('x-artifactory-id') ||
      headers.has('x-jfrog-version') ||
      /^artifactory/i.test(headers.get('server') ?? '') ||
      pathOf(challenge).includes('/api/docker/'),
  },
  {
    // quay/quay, endpoints/v2/v2auth.py
    kind: 'quay',
    sign: 'token service at `/v2/auth`',
    isShown: (_, challenge) => pathOf(challenge) === '/v2/auth',
  },
  {
    // https://docs.github.com/enterprise-server/packages: `containers.HOSTNAME`.
    kind: 'ghcr',
    sign: 'token service `containers.HOST` at that host',
    isShown: (_, challenge) => {
      const { service = '', realm = '' } = challenge?.params ?? {}
      return service.startsWith('containers.') && URL.parse(realm)?.hostname === service
    },
  },
]

function pathOf(challenge: Challenge | undefined): string {
  return URL.parse(challenge?.params.realm ?? '', 'http://x')?.pathname ?? ''
}

/** What the challenge of a registry says, which every session that signs in has seen. */
export function kindOfChallenge(challenge: Challenge | undefined): RegistryKind {
  return SIGNS.find(({ isShown }) => isShown(new Headers(), challenge))?.kind ?? 'other'
}

/**
 * The kind that the address says, or else what `/v2/` shows; `other` when neither says anything, or nothing answers there.
 * @throws AppError CANCELLED, INVALID_REQUEST for an endpoint that cannot be
 */
export async function findRegistryKind(
  network: RegistryNetwork,
  endpoint: UpstreamEndpoint,
  { signal }: Abortable = {},
): Promise<RegistryKind> {
  const address = parseUpstreamUrl(endpoint.url)
  const said = kindOfAddress(address)
  if (said !== 'other') return said
  const { url, ca, plainHttp } = endpoint
  const nobody = { url, ...(ca === undefined ? {} : { ca }), ...(plainHttp === undefined ? {} : { plainHttp }) }
  const session = openSession(network, nobody)
  try {
    const response = await session.ask({ url: new URL('/v2/', address.base), as: 'nobody', what: '/v2/', signal })
    await discard(response)
    if (response.url.origin !== address.base.origin) return 'other'
    const challenge = chooseChallenge(parseChallenges(response.headers.get('www-authenticate')))
    return SIGNS.find(({ isShown }) => isShown(response.headers, challenge))?.kind ?? 'other'
  } catch (error) {
    if (isCancelled(error)) throw error
    return 'other'
  }
}
