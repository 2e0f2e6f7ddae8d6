// The smallest image that every client pulls, unpacks and pushes on: one layer with one file.
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import {
  contentOf,
  describeContent,
  type Image,
  OCI_CONFIG,
  OCI_LAYER,
  OCI_MANIFEST,
  type OciRequests,
} from '../support/oci-requests.ts'

/** A gzip layer with the file `content.txt`, and a config that names its uncompressed digest. */
async function makeContent(text: string) {
  const archive = pack()
  archive.entry({ name: 'content.txt', mtime: new Date(0) }, text)
  archive.finalize()
  const pieces: Uint8Array[] = []
  for await (const piece of archive as AsyncIterable<Uint8Array>) pieces.push(piece)
  const tar = Buffer.concat(pieces)
  const layer = contentOf(new Uint8Array(gzipSync(tar)))
  const config = contentOf(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [contentOf(new Uint8Array(tar)).digest] },
    }),
  )
  return { layer, config }
}

/** Pushes the image, different by `text`, under a tag. */
export async function pushUnpackableImage(client: OciRequests, tag: string, text = 'hello'): Promise<Image> {
  const { layer, config } = await makeContent(text)
  await client.pushBlob(layer)
  await client.pushBlob(config)
  const manifest = await client.pushManifest(
    {
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: describeContent(config, OCI_CONFIG),
      layers: [describeContent(layer, OCI_LAYER)],
    },
    OCI_MANIFEST,
    tag,
  )
  return { manifest, config, layers: [layer], descriptor: describeContent(manifest, OCI_MANIFEST) }
}
