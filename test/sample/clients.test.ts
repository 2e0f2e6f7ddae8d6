import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { SampleRepository } from '../../src/sample/repositories.ts'
import { compareMirror } from '../support/compare.ts'
import { haveDockerRegistry, startDockerRegistry } from '../support/docker-registry.ts'
import type { Layout } from '../support/fixtures.ts'
import { temporaryDirectory } from '../support/process.ts'
import { pushLayout } from '../support/push-layout.ts'
import { newSampleKey, platformManifest, sampleRepository } from './reading.ts'
import { sampleLayout, writeImageLayout } from './sample-layout.ts'

const key = newSampleKey()
const isRoot = process.getuid?.() === 0

const CLIENT_TIMEOUT_MS = 60_000

const run = (...command: string[]) => runIn('.', ...command)

async function runIn(cwd: string, ...command: string[]): Promise<string> {
  const program = Bun.spawn(command, { cwd, stdout: 'pipe', stderr: 'pipe' })
  const [stdout, stderr] = await Promise.all([
    new Response(program.stdout).text(),
    new Response(program.stderr).text(),
    program.exited,
  ])
  if (program.exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${program.exitCode}: ${stderr}`)
  return stdout
}

describe('the sample as an image layout on disk', () => {
  let directory: ReturnType<typeof temporaryDirectory>
  let layout: string
  let python: SampleRepository
  beforeAll(() => {
    directory = temporaryDirectory('sample')
    layout = join(directory.path, 'python')
    python = sampleRepository('python', 2, key)
    writeImageLayout(python, layout)
  })
  afterAll(() => directory.remove())

  test.if(Bun.which('skopeo') !== null)(
    'is inspected by skopeo, on both platforms',
    async () => {
      for (const architecture of ['amd64', 'arm64']) {
        const image = JSON.parse(
          await run('skopeo', `--override-arch=${architecture}`, 'inspect', `oci:${layout}:3.13.10-dev`),
        )
        expect(image).toMatchObject({
          Architecture: architecture,
          Os: 'linux',
          Labels: { 'com.docker.dhi.variant': 'dev', 'com.docker.dhi.version': '3.13.10' },
        })
        expect(image.Layers).toHaveLength(2)
      }
    },
    CLIENT_TIMEOUT_MS,
  )

  test.if(Bun.which('skopeo') !== null)(
    'is copied whole by skopeo, digests unchanged',
    async () => {
      const copy = join(directory.path, 'copy')
      await run(
        'skopeo',
        '--insecure-policy',
        'copy',
        '--all',
        '--preserve-digests',
        `oci:${layout}:3.12`,
        `oci:${copy}:3.12`,
      )
      const { manifests } = JSON.parse(readFileSync(join(copy, 'index.json'), 'utf8'))
      const [[, digest] = []] = [...python.tags].filter(([tag]) => tag === '3.12')
      expect(manifests[0].digest).toBe(digest)
    },
    CLIENT_TIMEOUT_MS,
  )

  test.if(isRoot && Bun.which('umoci') !== null && Bun.which('skopeo') !== null)(
    'is unpacked by umoci to a root filesystem',
    async () => {
      const single = join(directory.path, 'single')
      const { digest } = platformManifest(python, '3.13', 'amd64')
      await run('skopeo', '--insecure-policy', '--override-arch=amd64', 'copy', `oci:${layout}:3.13`, `oci:${single}:v`)
      expect(existsSync(join(single, 'blobs', 'sha256', digest.slice(7)))).toBe(true)
      const bundle = join(directory.path, 'bundle')
      await run('umoci', 'unpack', '--image', `${single}:v`, bundle)
      const root = join(bundle, 'rootfs')
      expect(readFileSync(join(root, 'usr/share/python/VERSION'), 'utf8')).toBe('3.13.10\n')
      expect(readFileSync(join(root, 'etc/os-release'), 'utf8')).toContain('VERSION_ID="13"')
      expect(readFileSync(join(root, 'var/lib/dpkg/status'), 'utf8')).toContain('Package: python-3.13\n')
      expect(readlinkSync(join(root, 'bin'))).toBe('usr/bin')
    },
    CLIENT_TIMEOUT_MS,
  )

  test.if(isRoot && Bun.which('podman') !== null)(
    'is pulled and unpacked by podman',
    async () => {
      // podman makes a repository name of the path, which has to be in lower case: a relative one. Its runroot has to be short.
      const state = ['--root', join(directory.path, 'podman'), '--runroot', join(directory.path, 'r')]
      const podman = ['podman', ...state, '--storage-driver', 'vfs']
      const id = (
        await runIn(directory.path, ...podman, 'pull', '--quiet', '--arch', 'amd64', 'oci:python:3.13-dev')
      ).trim()
      const [image] = JSON.parse(await run(...podman, 'image', 'inspect', id))
      expect(image.Labels).toMatchObject({ 'com.docker.dhi.name': 'dhi/python', 'com.docker.dhi.shell': 'bash' })
      expect(image.RootFS.Layers).toHaveLength(2)
    },
    CLIENT_TIMEOUT_MS,
  )
})

describe('the sample in an independent registry', () => {
  test.if(haveDockerRegistry)(
    'is accepted whole, release over release, and the comparer finds no difference',
    async () => {
      const registry = await startDockerRegistry()
      try {
        const published = new Map<string, Layout[]>()
        for (const repository of [1, 2].flatMap((release) => [
          sampleRepository('python', release, key),
          sampleRepository('nginx-chart', release, key),
        ])) {
          const layout = sampleLayout(repository)
          published.set(repository.name, [...(published.get(repository.name) ?? []), layout])
          await pushLayout(layout, registry.url, `dhi/${repository.name}`)
        }
        for (const [name, layouts] of published) {
          const target = { url: registry.url, repository: `dhi/${name}` }
          expect(await compareMirror(layouts, target, { referrers: 'either' })).toEqual([])
        }
      } finally {
        await registry.stop()
      }
    },
    CLIENT_TIMEOUT_MS,
  )
})
