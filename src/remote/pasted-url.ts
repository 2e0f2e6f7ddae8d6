/** What people paste as the address of a registry, read as what they mean. */
import { AppError } from '../errors.ts'
import { parseUpstreamUrl } from './upstream.ts'

const WANT = 'want https://HOST[:PORT][/PATH], where the path is a prefix of its repositories'
/** Other ways to say "the registry at": skopeo's and containers' own, and Helm's. */
const REGISTRY_SCHEME = /^(?:docker|oci):\/\//i
/** The endpoints of one repository (distribution-spec "Endpoints"). */
const REPOSITORY_ENDPOINT = /^\/v2\/.*(?:\/tags\/list|\/(?:manifests|blobs|referrers)(?:\/.*)?)$/
/** Pages about images, on no registry. */
const WEB_PAGES: ReadonlySet<string> = new Set(['hub.docker.com', 'www.docker.com'])
const DOCKER_HUB = 'https://docker.io'

interface Parts {
  /** With `://`. */
  readonly scheme: string
  /** With the port, and with credentials when somebody has put them there. */
  readonly authority: string
  /** Empty, or with a slash in front. */
  readonly path: string
  /** Query and fragment. */
  readonly rest: string
}

/**
 * The URL to keep for what was given: `https://host/v2/project/`, `https://host/v2/_catalog`, `host:5000/project` and
 * `docker://host/project` are the registry with its prefix, always spelled the same way.
 * @param verb what is done with a repository there
 * @throws AppError INVALID_REQUEST: no registry. An image (`host/app:1`, `docker pull …`), or an endpoint of one repository, is told
 *   as such, with the registry's address to give instead; nothing that may be a password is shown
 */
export function readUpstreamUrl(given: string, verb: 'mirror' | 'replicate to' = 'mirror'): string {
  const words = given.trim().split(/\s+/)
  const last = words.at(-1) ?? ''
  const parts = partsOf(last.replace(REGISTRY_SCHEME, 'https://'))
  if (words.length > 1) throw refuse(`${shown(words[0] ?? '')} … is a command, ${WANT}${meantBy(parts)}`)
  if (parts === undefined) throw refuse(`got ${shown(last)}, ${WANT}`)
  const registry = `${parts.scheme}${parts.authority}`
  if (parts.authority.includes('@')) {
    throw refuse(`the address holds credentials, want them apart: --username and --password-stdin`)
  }
  if (WEB_PAGES.has(parts.authority.toLowerCase())) {
    throw refuse(`${shown(last)} is a web page about images, want their registry: ${DOCKER_HUB}`)
  }
  if (REPOSITORY_ENDPOINT.test(parts.path)) {
    throw refuse(`${shown(last)} is a page of one repository, want its registry: ${registry}`)
  }
  const image = imageIn(parts.path)
  if (image !== undefined)
    throw refuse(`${shown(last)} is an image, want its registry: ${registry} (then ${verb} ${image})`)
  return canonical(parts, last)
}

function partsOf(text: string): Parts | undefined {
  const match = /^(?:(https?):\/\/)?([^/?#\\]+)(\/[^?#\\]*)?([?#].*)?$/i.exec(text)
  if (match === null || (match[1] === undefined && text.includes('://'))) return undefined
  const [, scheme = 'https', authority = '', path = '', rest = ''] = match
  return { scheme: `${scheme.toLowerCase()}://`, authority, path: path.replace(/\/{2,}/g, '/'), rest }
}

/** `/v2/` is where the registry's API begins, no part of its names; `/v2/_catalog` is its list of repositories. */
function canonical({ scheme, authority, path, rest }: Parts, given: string): string {
  const below = path.replace(/^\/v2(?=\/|$)/, '')
  const text = /^\/_catalog\/?$/.test(below) ? `${scheme}${authority}` : `${scheme}${authority}${below}${rest}`
  try {
    const { base, prefix, isDockerHub } = parseUpstreamUrl(text)
    // `docker info`, and every file that a login there has written, name Docker Hub by its first API.
    if (isDockerHub) return prefix === '' || prefix === 'v1' ? DOCKER_HUB : `${DOCKER_HUB}/${prefix}`
    return `${base.origin}${prefix === '' ? '' : `/${prefix}`}`
  } catch (error) {
    throw refuse(`got ${shown(given)}, ${WANT}`, error)
  }
}

/** The repository of `/name:tag` or `/name@digest`, as clients take images. */
function imageIn(path: string): string | undefined {
  return /^\/(?:v2\/)?([^:@]+)[:@][\w.:@-]+\/?$/.exec(path)?.[1]
}

/** The registry of the last word of a command; a name without a host is Docker Hub's. */
function meantBy(parts: Parts | undefined): string {
  if (parts === undefined || parts.authority.includes('@')) return ''
  const isHost = parts.path !== '' && /[.:]|^localhost$/.test(parts.authority)
  return `; perhaps ${isHost ? `${parts.scheme}${parts.authority}` : DOCKER_HUB}`
}

/** Quoted, bounded, and without what stands before an `@`. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/i, '$1').slice(0, 200))
}

function refuse(message: string, cause?: unknown): AppError {
  return new AppError('INVALID_REQUEST', `url: ${message}`, { about: { reason: 'invalid', where: 'url' }, cause })
}
