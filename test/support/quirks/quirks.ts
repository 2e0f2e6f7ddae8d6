// What registries do that the specification does not say, as data. `quirk-registry.ts` does it; the rows at the end are real registries.

/** Everything is optional: what is left out is as OCI Distribution 1.1 has it, in a registry that lets everybody in. */
export interface Quirks {
  /** GET referrers: `api`, or what a registry without it answers; `page`: 200 with a web page; 303: to one elsewhere. */
  readonly referrers?: 'api' | 'page' | 303 | 400 | 404 | 405 | 406
  /** PUT of a manifest with a subject is answered by OCI-Subject though there is no API. */
  readonly claimsSubject?: boolean
  /** Status that refuses manifests with a subject. */
  readonly referrerPut?: number
  /** The fallback tag of a subject shows the subject where nobody has put an index there (GitLab). */
  readonly showsSubjectAtFallbackTag?: boolean

  /** HEADs of manifests, and of blobs, are answered by 405. */
  readonly noHead?: readonly ('manifests' | 'blobs')[]
  /** HEADs of manifests are answered without Docker-Content-Digest. */
  readonly hidesDigest?: boolean
  /** Whoever does not accept OCI types gets a schema 1 manifest (Quay). */
  readonly convertsToSchema1?: boolean

  /** `elsewhere`: signed URLs of a storage at another origin, which refuses requests with an Authorization. */
  readonly location?: 'absolute' | 'path' | 'relative' | 'without-scheme' | 'elsewhere'
  /** PATCHes are answered by 201 with a Range that stays at what the first one brought. */
  readonly patchIsStuck?: boolean
  /** The last PATCH is all that there is in the end. */
  readonly patchOverwrites?: boolean
  readonly noPatch?: boolean
  /** 416 for longer chunks with Content-Range. */
  readonly largestChunkBytes?: number
  /** OCI-Chunk-Min-Length; 416 for shorter ones that are not the last. */
  readonly smallestChunkBytes?: number
  /** Longer bodies of one request are refused, by 413 or by an end of the connection. */
  readonly largestBodyBytes?: number
  readonly largeBody?: 413 | 'drop'
  /** A PUT without bytes after chunks is refused. */
  readonly lastChunkWithPut?: boolean
  readonly uploadStatus?: 201 | 202 | 204
  /** All blobs of a repository together; what is beyond is refused when it is all there. */
  readonly quotaBytes?: number
  /** The n-th upload's body is cut off after half of it, once. */
  readonly cutsUpload?: number

  /** Repositories that nobody has made are answered so; undefined: a push makes them. */
  readonly missingRepository?: 404 | 'drop'

  /** Requests of a kind that may come, then 429 for each further until the given number of refusals, all with Retry-After. */
  readonly limit?: {
    readonly kind: RequestKind
    readonly after: number
    readonly refusals: number
    readonly retryAfter: string
  }

  /** How a tag that exists and points elsewhere is kept. */
  readonly immutable?: 403 | 409 | 412
  /**
   * A POST with `mount`: `any` mounts; `committed`: if a manifest of the source names the blob; `never`: 202; a status: that. `needs-from`:
   * as `any`, and 400 without `from`.
   */
  readonly mount?: 'any' | 'committed' | 'never' | 'needs-from' | 400 | 401

  readonly wantsMediaType?: boolean
  readonly refusesSparse?: boolean
  readonly refusesSha512?: boolean
  /** A PUT by digest sets the tags of its query, and names them (OCI-Tag). */
  readonly takesTags?: boolean
  readonly manifestStatus?: 200 | 201 | 202
  /** Docker-Content-Digest of PUTs of manifests is another than that of what was sent. */
  readonly liesAboutDigest?: boolean
  /** What is served of a manifest that was put by tag is not what was sent. */
  readonly changesManifests?: boolean
  /** DELETE of manifests and tags. */
  readonly noDelete?: boolean
  /** A tag is put, and still shows what it showed. */
  readonly keepsOldTags?: boolean

  readonly signIn?: 'basic' | 'bearer'
  /** Of its token service: path and service name, by which it is known. */
  readonly realm?: { readonly path: string; readonly service: string }
  /** A 401 says how to sign in at `/v2/` only. */
  readonly hidesChallenge?: boolean
  /** Requests that one token is good for. */
  readonly tokenUses?: number
  /** Repositories that everybody may read. */
  readonly isPublic?: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** The management API that tells whether a repository is public. */
  readonly api?: 'harbor' | 'quay' | 'gitlab' | 'docker-hub' | 'github'
}

export type RequestKind =
  | 'ping'
  | 'token'
  | 'tags'
  | 'manifest-head'
  | 'manifest-get'
  | 'manifest-put'
  | 'blob-head'
  | 'blob-get'
  | 'upload-begin'
  | 'upload-part'
  | 'upload-end'
  | 'upload-status'
  | 'referrers'
  | 'delete'
  | 'management'
  | 'other'

const MIB = 1024 * 1024

/** Registries as the compliance checklist (3.2 to 3.4) tells of them. Sizes are parameters of a test: nobody pushes 20 MB to learn of a limit. */
export const REGISTRIES = {
  plain: {},
  ecr: {
    signIn: 'basic',
    missingRepository: 404,
    mount: 'committed',
    patchIsStuck: true,
    location: 'absolute',
    wantsMediaType: true,
  },
  'ecr-public': {
    signIn: 'bearer',
    missingRepository: 'drop',
    mount: 'never',
    patchIsStuck: true,
    isPublic: true,
  },
  ghcr: {
    signIn: 'bearer',
    referrers: 303,
    largestChunkBytes: 4 * MIB,
    patchOverwrites: true,
    api: 'github',
  },
  quay: {
    signIn: 'bearer',
    realm: { path: '/v2/auth', service: 'quay' },
    mount: 'needs-from',
    convertsToSchema1: true,
    location: 'relative',
    api: 'quay',
  },
  harbor: {
    signIn: 'bearer',
    realm: { path: '/service/token', service: 'harbor-registry' },
    mount: 401,
    missingRepository: 404,
    location: 'path',
    api: 'harbor',
  },
  gitlab: {
    signIn: 'bearer',
    realm: { path: '/jwt/auth', service: 'container_registry' },
    referrers: 404,
    showsSubjectAtFallbackTag: true,
    location: 'elsewhere',
    api: 'gitlab',
  },
  artifactory: {
    signIn: 'basic',
    headers: { 'X-JFrog-Version': 'Artifactory/7.98.0' },
    referrers: 405,
    location: 'without-scheme',
  },
  azure: {
    signIn: 'bearer',
    realm: { path: '/oauth2/token', service: 'acme.azurecr.io' },
    largestBodyBytes: 20 * MIB,
    largeBody: 'drop',
    location: 'path',
  },
  'docker-hub': {
    signIn: 'bearer',
    realm: { path: '/token', service: 'registry.docker.io' },
    mount: 400,
    referrers: 404,
    api: 'docker-hub',
  },
  google: {
    signIn: 'bearer',
    hidesChallenge: true,
    missingRepository: 404,
    mount: 'never',
    noPatch: true,
  },
} as const satisfies Record<string, Quirks>
