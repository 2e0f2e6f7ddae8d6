/** Where a copy comes from and goes to, as people write it: `docker://HOST/REPO:TAG` (the prefix may be left out), `oci:FOLDER:TAG`, `tar:FILE:TAG`. */
import { AppError } from '../errors.ts'
import { parseLayoutReference } from '../layouts/layout-reference.ts'
import { quoted } from '../lib/quoted.ts'
import { type Digest, parseDigest } from '../oci/digest.ts'
import { parseRepositoryName, parseTag, type RepositoryName, type Tag } from '../oci/reference.ts'

interface Named {
  readonly tag: Tag | undefined
  readonly digest: Digest | undefined
}

export interface RegistryPlace extends Named {
  readonly kind: 'registry'
  /** With the port: `docker.io`, `localhost:5000`. */
  readonly host: string
  readonly repository: RepositoryName
}

export type Place = RegistryPlace | (Named & { readonly kind: 'oci' | 'tar'; readonly path: string })

const WANT = 'want docker://HOST/REPOSITORY:TAG, oci:FOLDER:TAG or tar:FILE:TAG'
/** Ways of other programs that are none of ours, with what comes nearest. */
const OTHERS: Readonly<Record<string, string>> = {
  'oci-archive': 'tar:FILE',
  ocidir: 'oci:FOLDER',
  dir: 'oci:FOLDER',
  'docker-archive': 'tar:FILE, which holds an OCI image layout',
}

/** @throws AppError INVALID_REQUEST, NAME_INVALID, TAG_INVALID, DIGEST_INVALID with what was got and what was wanted */
export function parsePlace(text: string): Place {
  if (text.startsWith('oci:')) return { kind: 'oci', ...parseLayoutReference(text.slice(4), 'FOLDER') }
  if (text.startsWith('tar:')) return { kind: 'tar', ...parseLayoutReference(text.slice(4), 'FILE') }
  const other = /^([a-z][a-z0-9+.-]*):(?:\/\/|(?=\/|\.))/i.exec(text)?.[1]?.toLowerCase()
  if (other !== undefined && other !== 'docker') {
    const hint =
      other === 'http' || other === 'https'
        ? 'want no scheme: docker://HOST/REPOSITORY:TAG, with --plain-http where it is http'
        : OTHERS[other] === undefined
          ? WANT
          : `want ${OTHERS[other]}`
    throw refuse(text, hint)
  }
  return parseImage(text.replace(/^docker:\/\//i, ''), text)
}

/** As it is written in messages and documents. */
export function formatPlace(place: Place): string {
  const reference = place.digest === undefined ? (place.tag === undefined ? '' : `:${place.tag}`) : `@${place.digest}`
  return `${formatWhere(place)}${reference}`
}

/** Without tag and digest. */
export function formatWhere(place: Place): string {
  return place.kind === 'registry' ? `docker://${place.host}/${place.repository}` : `${place.kind}:${place.path}`
}

/** A first component that is no host is part of a name at Docker Hub, as docker reads it. */
function parseImage(image: string, given: string): RegistryPlace {
  if (/\s/.test(image) || image === '') throw refuse(given, WANT)
  if (/^[^/]*@[^/]*\//.test(image))
    throw refuse('…', 'the address holds credentials, want them by --src-username or --dst-username')
  const [name, digest] = splitOnce(image, image.indexOf('@'))
  const slash = name.lastIndexOf('/')
  const colon = name.indexOf(':', slash + 1)
  const [path, tag] = splitOnce(name, colon)
  const first = path.slice(0, Math.max(0, path.indexOf('/')))
  const isHost = first === 'localhost' || /[.:]/.test(first)
  const [host, rest] = isHost ? [first, path.slice(first.length + 1)] : ['docker.io', path]
  if (rest === '') throw refuse(given, WANT)
  const isHub = /^(?:index\.)?docker\.io$/.test(host)
  return {
    kind: 'registry',
    host: isHub ? 'docker.io' : host,
    repository: parseRepositoryName(isHub && !rest.includes('/') ? `library/${rest}` : rest),
    tag: tag === undefined ? undefined : parseTag(tag),
    digest: digest === undefined ? undefined : parseDigest(digest),
  }
}

function splitOnce(text: string, at: number): readonly [string, string | undefined] {
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function refuse(text: string, want: string): AppError {
  return new AppError('INVALID_REQUEST', `got ${quoted(text, 300)}: ${want}`)
}
