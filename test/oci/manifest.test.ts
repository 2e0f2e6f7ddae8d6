import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { AppError } from '../../src/errors.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { parseManifest } from '../../src/oci/manifest.ts'
import { parsePushedManifest } from '../../src/oci/manifest-rules.ts'
import { MediaType } from '../../src/oci/media-types.ts'
import { describeWithFixtures, fixturePath, readLayout } from '../support/fixtures.ts'

const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

const LAYOUTS = [
  'dhi-python/release-1',
  'dhi-python/release-2',
  'cosign-tags',
  'cosign-bundle',
  'notation',
  'helm-chart',
  'oras-tree',
  'referrers-fallback-tags',
  'formats',
]

interface BadManifest {
  /** null: described only, for a test of its own. */
  readonly file: string | null
  readonly contentType: string
  readonly expect: string
  readonly level: 'must' | 'should'
  readonly why: string
}

describeWithFixtures('manifests made by real tools', () => {
  for (const name of LAYOUTS) {
    test(`${name}: every manifest is read, with the references that contents.json tells`, () => {
      const layout = readLayout(fixturePath(name))
      for (const manifest of layout.manifests.values()) {
        const algorithm = manifest.digest.startsWith('sha512:') ? 'sha512' : 'sha256'
        const parsed = parseManifest(manifest.bytes, manifest.mediaType, algorithm)
        expect(parsed.descriptor.digest as string).toBe(manifest.digest)
        expect(parsed.subject?.digest as string | undefined).toBe(manifest.subject as string)
        expect(parsed.artifactType).toBe(manifest.artifactType as string)
        const blobs = [parsed.config, ...parsed.layers].flatMap((item) => (item === undefined ? [] : [item.digest]))
        expect(new Set<string>(blobs)).toEqual(new Set(manifest.blobs))
        expect(parsed.children.map((child) => child.digest as string)).toEqual([...manifest.children])
      }
    })
  }
})

describeWithFixtures('manifests that must be refused', () => {
  const read = (file: string) => new Uint8Array(readFileSync(fixturePath('bad/manifests', file)))
  const { bad } = JSON.parse(readFileSync(fixturePath('bad/manifests/index.json'), 'utf8')) as { bad: BadManifest[] }
  // What only the repository knows (which blobs there are) is tried against a running server.
  const own = bad.filter((item) => item.level === 'must' && !item.expect.startsWith('MANIFEST_BLOB_UNKNOWN'))

  for (const { file, contentType, why } of own) {
    if (file === null) continue
    test(`${file}: ${why}`, () => {
      const parse = () => parsePushedManifest(read(file), contentType, 'sha256')
      expect(parse).toThrow(AppError)
      expect(parse).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }))
    })
  }
})

describe('parseManifest', () => {
  const config = { mediaType: MediaType.ociConfig, digest: digestOf('{}'), size: 2 }
  const image = { schemaVersion: 2, config, layers: [] }

  test('a manifest without mediaType is of the type that was sent, else of the one its fields show', () => {
    expect(parseManifest(encode(image), MediaType.dockerManifest).descriptor.mediaType).toBe(MediaType.dockerManifest)
    expect(parseManifest(encode(image)).descriptor.mediaType).toBe(MediaType.ociManifest)
    expect(parseManifest(encode({ schemaVersion: 2, manifests: [] })).descriptor.mediaType).toBe(MediaType.ociIndex)
  })

  test('an index without artifactType has none, an image without one has that of its config (spec "Listing Referrers")', () => {
    expect(parseManifest(encode({ schemaVersion: 2, manifests: [] })).artifactType).toBeUndefined()
    expect(parseManifest(encode(image)).artifactType).toBe(MediaType.ociConfig)
  })

  test('Docker schema 1 is named as such', () => {
    const bytes = encode({ schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [] })
    expect(() => parseManifest(bytes)).toThrow(/schema version 1, want schema version 2/)
  })

  test('more than 4 MiB is refused before it is read', () => {
    const bytes = new Uint8Array(4 * 1024 * 1024 + 1)
    expect(() => parseManifest(bytes)).toThrow(expect.objectContaining({ code: 'MANIFEST_TOO_LARGE' }))
  })

  test('the key __proto__ is an unknown field like any other', () => {
    const text = JSON.stringify(image).replace('{', '{"__proto__":{"layers":[1]},')
    expect(parseManifest(new TextEncoder().encode(text)).layers).toEqual([])
  })

  test('whatever JSON comes, the answer is a manifest or MANIFEST_INVALID', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        try {
          parseManifest(encode(value))
        } catch (error) {
          expect(error).toMatchObject({ code: 'MANIFEST_INVALID' })
        }
      }),
    )
  })
})
