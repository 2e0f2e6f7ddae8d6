// One parser for pushes and mirrors: references are a fact of the bytes, and null, empty and absent are the same, as Go reads them.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isAppError } from '../../src/errors.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest, referencesOf } from '../../src/oci/manifest.ts'
import { parsePushedManifest } from '../../src/oci/manifest-rules.ts'
import { isMediaType, MediaType } from '../../src/oci/media-types.ts'

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const TYPES = [
  undefined,
  MediaType.ociManifest,
  MediaType.ociIndex,
  MediaType.ociArtifact,
  MediaType.dockerManifest,
  MediaType.dockerList,
]
const describeBlob = (text: string, mediaType: string = MediaType.ociLayerGzip) => ({
  mediaType,
  digest: digestOf(text),
  size: text.length,
})
const config = describeBlob('{}', MediaType.ociConfig)
const image = { schemaVersion: 2, config, layers: [describeBlob('layer')] }

describe('the same bytes under every media type', () => {
  const descriptor = fc.constantFrom('a', 'b', 'c').map((text) => describeBlob(text))
  const list = fc.option(fc.array(descriptor, { maxLength: 3 }), { nil: null })
  const body = fc.record(
    {
      schemaVersion: fc.constant(2),
      mediaType: fc.constantFrom('', null, ...TYPES),
      artifactType: fc.constantFrom('', null, 'application/x.sbom'),
      config: fc.option(descriptor, { nil: null }),
      layers: list,
      manifests: list,
      blobs: list,
      subject: fc.option(descriptor, { nil: null }),
    },
    { requiredKeys: ['schemaVersion'] },
  )

  test('every reading that is accepted refers to the same, and to all that the fields name', () => {
    let accepted = 0
    fc.assert(
      fc.property(body, (value) => {
        const bytes = encode(value)
        for (const type of TYPES) {
          let parsed: ReturnType<typeof parseManifest>
          try {
            parsed = parseManifest(bytes, type)
          } catch (error) {
            expect(isAppError(error, 'MANIFEST_INVALID')).toBe(true)
            continue
          }
          accepted++
          const { descriptor: _, ...references } = parsed
          expect(references).toEqual(referencesOf(bytes))
          const named = [value.config, ...(value.layers ?? []), ...(value.manifests ?? [])].flatMap((one) => one ?? [])
          const read = [parsed.config, ...parsed.layers, ...parsed.children].flatMap((one) => one ?? [])
          for (const one of named) expect(read).toContainEqual(one as never)
        }
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(500)
  })

  test('an image is no artifact, whoever says so; an artifact no image and no index', () => {
    const artifact = { mediaType: undefined, artifactType: 'application/x.sbom', blobs: [describeBlob('sbom')] }
    const refused = (value: object, type: string) =>
      expect(() => parseManifest(encode({ schemaVersion: 2, ...value }), type)).toThrow(
        expect.objectContaining({ code: 'MANIFEST_INVALID' }),
      )
    refused(image, MediaType.ociArtifact)
    refused(image, MediaType.ociIndex)
    refused({ layers: [] }, MediaType.ociArtifact)
    refused({ manifests: [] }, MediaType.ociArtifact)
    refused(artifact, MediaType.ociIndex)
    refused(artifact, MediaType.ociManifest)
    expect(parseManifest(encode({ schemaVersion: 2, ...artifact }), MediaType.ociArtifact).layers).toHaveLength(1)
  })
})

describe('null, empty and absent are one, as in Go', () => {
  const push = (value: object, type: string) =>
    parsePushedManifest(encode({ schemaVersion: 2, ...value }), type, 'sha256')
  const mirror = (value: object, type: string) => parseManifest(encode({ schemaVersion: 2, ...value }), type)
  const child = describeBlob('child', MediaType.ociManifest)

  for (const [what, type, value] of [
    ['mediaType ""', MediaType.ociManifest, { ...image, mediaType: '' }],
    ['mediaType null', MediaType.ociManifest, { ...image, mediaType: null }],
    ['artifactType null', MediaType.ociManifest, { ...image, artifactType: null }],
    ['subject null', MediaType.ociManifest, { ...image, subject: null }],
    ['annotations null', MediaType.ociManifest, { ...image, annotations: null }],
    ['urls null', MediaType.ociManifest, { ...image, layers: [{ ...describeBlob('l'), urls: null, data: null }] }],
    ['manifests null beside layers', MediaType.ociManifest, { ...image, manifests: null }],
    ['layers null beside manifests', MediaType.ociIndex, { manifests: [], layers: null, config: null }],
    ['platform {}', MediaType.ociIndex, { manifests: [{ ...child, platform: {} }] }],
    ['platform null', MediaType.ociIndex, { manifests: [{ ...child, platform: null }] }],
    [
      'variant null',
      MediaType.ociIndex,
      { manifests: [{ ...child, platform: { os: 'linux', architecture: 'arm', variant: null, 'os.features': null } }] },
    ],
    [
      'a feature null',
      MediaType.ociIndex,
      { manifests: [{ ...child, platform: { os: 'linux', 'os.features': [null, 'a'] } }] },
    ],
    ['artifactType of a child null', MediaType.ociIndex, { manifests: [{ ...child, artifactType: null }] }],
    ['blobs null', MediaType.ociArtifact, { artifactType: 'application/x', blobs: null }],
  ] as const) {
    test(`${what} is read by a push and by a mirror alike`, () => {
      expect(push(value, type)).toEqual(mirror(value, type))
    })
  }

  for (const [what, type, value] of [
    ['layers null', MediaType.ociManifest, { ...image, layers: null }],
    ['layers absent', MediaType.ociManifest, { config }],
    ['manifests null', MediaType.ociIndex, { manifests: null }],
    ['manifests absent', MediaType.ociIndex, {}],
    [
      'a descriptor without mediaType',
      MediaType.ociManifest,
      { ...image, layers: [{ ...describeBlob('l'), mediaType: '' }] },
    ],
    ['a malformed artifactType', MediaType.ociManifest, { ...image, artifactType: 'not a media type' }],
    ['an annotation null', MediaType.ociManifest, { ...image, annotations: { a: null } }],
  ] as const) {
    test(`${what}: a mirror takes it as upstream has it, a push is refused where the specification says so`, () => {
      expect(mirror(value, type).descriptor.mediaType).toBe(type)
      expect(() => push(value, type)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
    })
  }

  test('a platform keeps its own fields only, and nesting is bounded for pushes and mirrors', () => {
    const platform = { os: 'linux', architecture: 'amd64', 'os.version': '10', 'os.features': ['a'], more: { a: 1 } }
    const parsed = mirror({ manifests: [{ ...child, platform }] }, MediaType.ociIndex)
    expect(parsed.children[0]?.platform).toEqual({
      os: 'linux',
      architecture: 'amd64',
      'os.version': '10',
      'os.features': ['a'],
    })
    const deep = `{"schemaVersion":2,"manifests":[{"platform":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}]}`
    for (const read of [
      parseManifest,
      (bytes: Uint8Array) => parsePushedManifest(bytes, MediaType.ociIndex, 'sha256'),
    ]) {
      expect(() => read(new TextEncoder().encode(deep))).toThrow(/nests deeper than 64 levels/)
    }
  })
})

describe('media types of descriptors (RFC 6838)', () => {
  for (const good of [
    'application/vnd.oci.image.config.v1+json',
    'application/vnd.cyclonedx+json;version=1.5',
    'text/plain;charset=utf-8',
    'text/plain; charset=utf-8',
    'text/plain; charset="utf-8"; format=flowed',
    'text/plain;  charset=utf-8',
    'text/plain ;\tcharset=utf-8',
    'application/x.note; title="a \\"b\\" c"',
    'application/vnd.in-toto+json; predicate="https://slsa.dev/provenance/v1"',
  ]) {
    test(`${good} is one`, () => {
      expect(isMediaType(good)).toBe(true)
      const layers = [{ ...describeBlob('l'), mediaType: good }]
      const bytes = encode({ ...image, layers, artifactType: good })
      const parsed = parsePushedManifest(bytes, MediaType.ociManifest, 'sha256')
      expect([parsed.layers[0]?.mediaType, parsed.artifactType]).toEqual([good, good])
    })
  }
  for (const bad of [
    '',
    'text',
    'text/',
    '/plain',
    'text/plain;',
    'text/plain; charset',
    'text/plain; charset="utf-8',
    'text/plain; charset="a"b"',
    'text/pl ain',
    'a/b\r\nx: y',
    'a/b;x=\n',
    `a/${'b'.repeat(128)}`,
  ]) {
    test(`${JSON.stringify(bad.slice(0, 20))} is none`, () => expect(isMediaType(bad)).toBe(false))
  }
})
