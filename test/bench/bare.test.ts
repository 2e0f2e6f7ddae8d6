// The bench: a limit that gave less than Kagami would be none, and a goal is reached or not as the numbers say.
import { expect, test } from 'bun:test'
import { pushLayout } from '../support/push-layout.ts'
import { goalTable } from './goals.ts'
import { startBarePeer, startKagamiPeer } from './peers.ts'
import { loadOf } from './pulls.ts'
import { newShelf, noise, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST } from './workload.ts'

const headersOf = ({ headers }: Response) => {
  const all = Object.fromEntries(headers)
  delete all.date
  return all
}

test('the bare server answers with the status, bytes and headers of Kagami', async () => {
  const kagami = await startKagamiPeer()
  const shelf = newShelf()
  const layer = shelf.blob(OCI_LAYER, noise('bare', 10 * 1024))
  const config = shelf.blob(OCI_CONFIG, new TextEncoder().encode('{}'))
  const manifest = shelf.manifest(OCI_MANIFEST, { config, layers: [layer] })
  shelf.tag('1.0', manifest)
  await pushLayout(shelf.layout('bare'), kagami.url, kagami.repository, kagami)
  const bare = await startBarePeer(kagami, 2)
  try {
    for (const path of ['manifests/1.0', `manifests/${manifest.digest}`, `blobs/${layer.digest}`]) {
      const shape = { connections: 1, seconds: 1 }
      const [ours, limit] = [await loadOf(kagami, path, shape), await loadOf(bare, path, shape)]
      const [want, got] = [await fetch(ours.url, { headers: ours.headers }), await fetch(limit.url)]
      expect(want.status).toBe(200)
      expect(got.status).toBe(200)
      expect(Buffer.compare(Buffer.from(await got.arrayBuffer()), Buffer.from(await want.arrayBuffer()))).toBe(0)
      expect(headersOf(got)).toEqual(headersOf(want))
    }
    expect((await fetch(`${bare.url}/v2/${bare.repository}/manifests/none`)).status).toBe(404)
    expect((await fetch(`${kagami.url}/v2/${kagami.repository}/manifests/1.0`)).status).toBe(401)
  } finally {
    await bare.stop()
    await kagami.stop()
  }
})

test('a goal is reached at its mark, missed beyond it, and neither when it was not measured', () => {
  const rows = goalTable({ index: 18, pushWhole: 0.51, memoryMiB: 100 }).split('\n')
  const verdict = (start: string) =>
    rows
      .find((row) => row.includes(start))
      ?.split('|')
      .at(-2)
      ?.trim()
  expect(verdict('index by tag, requests/s')).toBe('reached')
  expect(verdict('large push')).toBe('**missed**')
  expect(verdict('memory after')).toBe('reached')
  expect(verdict('small pushes')).toBe('not measured')
})
