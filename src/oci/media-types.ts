/** Media types of the OCI image-spec and of Docker's image manifest v2 that Kagami tells apart. */
export const MediaType = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  /** Removed from image-spec before 1.1 was final, still found in registries. */
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  octetStream: 'application/octet-stream',
} as const

const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  MediaType.ociManifest,
  MediaType.ociIndex,
  MediaType.ociArtifact,
  MediaType.dockerManifest,
  MediaType.dockerList,
])

/** True for the types that are stored and served as manifests. */
export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.has(mediaType)
}

export function isSchema1Type(mediaType: string): boolean {
  return mediaType === MediaType.dockerSchema1 || mediaType === MediaType.dockerSchema1Signed
}

/**
 * True for layers whose content may be absent from a registry. The media type decides, not the presence of `urls`
 * (image-spec layer.md "Non-Distributable Layers"; Docker's foreign layers).
 */
export function isNonDistributable(mediaType: string): boolean {
  return mediaType.includes('nondistributable') || mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.')
}

const NAME = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}'
const PARAMETER =
  '[A-Za-z0-9!#$&^_.+*\'`|~%-]{1,127}=(?:[A-Za-z0-9!#$&^_.+*\'`|~%-]{1,255}|"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e]){0,255}")'
const MEDIA_TYPE = new RegExp(`^${NAME}/${NAME}(?:[ \\t]{0,8};[ \\t]{0,8}${PARAMETER}){0,8}$`)

/**
 * True for `type/subtype` as RFC 6838 section 4.2 names them, with parameters as its section 4.3 has them: tools write
 * `application/vnd.cyclonedx+json;version=1.5` and `text/plain; charset=utf-8` into descriptors (decision record 21).
 */
export function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text)
}

/** The bare type of a Content-Type header, lower case, without parameters. */
export function bareMediaType(header: string): string {
  return (header.split(';', 1)[0] ?? '').trim().toLowerCase()
}

/** What a client of another registry asks for: all manifest types, schema 1 only to recognise it. */
export const MANIFEST_ACCEPT = [
  MediaType.ociIndex,
  MediaType.ociManifest,
  MediaType.dockerList,
  MediaType.dockerManifest,
  MediaType.ociArtifact,
  MediaType.dockerSchema1Signed,
  MediaType.dockerSchema1,
].join(', ')
