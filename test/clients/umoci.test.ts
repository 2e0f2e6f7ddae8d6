import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Clients, describeWithClients, isolatedClients, makeImageLayout } from '../support/clients.ts'
import { succeed } from '../support/command.ts'
import { type ClientRegistry, expectWhole, layoutDigest, startClientRegistry } from './client-registry.ts'

setDefaultTimeout(60_000)

describeWithClients(['umoci', 'skopeo'], 'layouts of umoci, carried by skopeo', () => {
  let registry: ClientRegistry
  let clients: Clients
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const rootless = uid === 0 ? [] : ['--rootless', `--uid-map=0:${uid}:1`, `--gid-map=0:${gid}:1`]
  const umoci = (...args: string[]) => succeed(clients.umoci(args))
  const credentials = () => `${registry.owner.username}:${registry.owner.password}`
  const push = (layout: string, tag: string) =>
    succeed(
      clients.skopeo([
        'copy',
        '--dest-tls-verify=false',
        '--dest-creds',
        credentials(),
        `oci:${layout}:${tag}`,
        `docker://${registry.host}/acme/umoci:${tag}`,
      ]),
    )
  const pull = (tag: string, layout: string) =>
    succeed(
      clients.skopeo([
        'copy',
        '--src-tls-verify=false',
        '--src-creds',
        credentials(),
        `docker://${registry.host}/acme/umoci:${tag}`,
        `oci:${layout}:${tag}`,
      ]),
    )
  beforeAll(async () => {
    registry = await startClientRegistry()
    clients = isolatedClients()
  })
  afterAll(async () => {
    clients.remove()
    await registry.stop()
  })

  test('an image is pushed, pulled, unpacked, changed, repacked and pushed again; the first layer is sent once', async () => {
    const first = await makeImageLayout(clients, 'first')
    await push(first, 'v1')
    const back = join(clients.directory, 'back')
    await pull('v1', back)
    expect(layoutDigest(back)).toBe(layoutDigest(first))

    const bundle = join(clients.directory, 'bundle')
    await umoci('unpack', ...rootless, '--image', `${back}:v1`, bundle)
    expect(readFileSync(join(bundle, 'rootfs/content.txt'), 'utf8')).toBe('first')
    writeFileSync(join(bundle, 'rootfs/content.txt'), 'changed')
    await umoci('repack', '--image', `${back}:v2`, bundle)
    await umoci('config', '--image', `${back}:v2`, '--config.label', 'stage=second')
    await push(back, 'v2')

    const repository = registry.readBack('acme/umoci')
    const [v1, v2] = [await expectWhole(repository, 'v1'), await expectWhole(repository, 'v2')]
    expect(v2.digest).toBe(layoutDigest(back, 'v2'))
    expect(v2.layers?.[0]?.digest).toBe(v1.layers?.[0]?.digest ?? '')
    expect(v2.layers).toHaveLength(2)

    const again = join(clients.directory, 'again')
    await pull('v2', again)
    await umoci('unpack', ...rootless, '--image', `${again}:v2`, `${bundle}-again`)
    expect(readFileSync(join(`${bundle}-again`, 'rootfs/content.txt'), 'utf8')).toBe('changed')
    const shown = JSON.parse((await umoci('stat', '--image', `${again}:v2`, '--json')).stdout) as { history: object[] }
    expect(shown.history.length).toBeGreaterThan(1)
  })

  test('an image without any layer is pushed and pulled', async () => {
    const layout = join(clients.directory, 'empty')
    await umoci('init', '--layout', layout)
    await umoci('new', '--image', `${layout}:empty`)
    await push(layout, 'empty')
    const manifest = await expectWhole(registry.readBack('acme/umoci'), 'empty')
    expect([manifest.digest, manifest.layers ?? []]).toEqual([layoutDigest(layout, 'empty'), []])
    await pull('empty', join(clients.directory, 'empty-back'))
    expect(layoutDigest(join(clients.directory, 'empty-back'), 'empty')).toBe(manifest.digest)
  })
})
