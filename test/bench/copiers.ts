// The programs that copy repositories from the upstream, each to a place of its own.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type CommandResult, isolatedHome, plainEnvironment, succeed } from '../support/command.ts'
import type { CompareOptions, CompareTarget } from '../support/compare.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { kagamiProgram } from '../support/kagami.ts'
import { temporaryDirectory } from '../support/process.ts'
import { groupPeakMiB, peakMiB } from './peak-memory.ts'
import { startKagamiPeer } from './peers.ts'

/** One program with a fresh target. */
export interface Copier {
  /** Brings the target to what upstream has now. @throws Error when it fails */
  pass(): Promise<void>
  /** Peak memory of all passes so far, without the target registry where that is another process. */
  peakMiB(): number
  readonly target: (repository: string) => CompareTarget
  readonly compare: CompareOptions
  stop(): Promise<void>
}

export interface CopierKind {
  readonly name: string
  /** Each is started with the address of its own counting proxy. */
  start(upstreamUrl: string, repositories: readonly string[], tags: readonly string[]): Promise<Copier>
}

interface Run {
  readonly outcome: string
  readonly failures: readonly unknown[]
}

/** Kagami mirrors all repositories at once; a pass lasts from the first call to the end of the last run. */
export const kagamiCopier: CopierKind = {
  name: 'Kagami',
  async start(upstreamUrl, repositories) {
    const kagami = await startKagamiPeer()
    await kagami.call('POST', '/upstreams', { name: 'origin', url: upstreamUrl, organization: 'acme', plainHttp: true })
    let started = false
    const passOne = async (repository: string) => {
      const path = `/mirrors/acme/${repository}`
      const { run } = started
        ? await kagami.call<{ run: { id: string } }>('POST', `${path}/sync`, {})
        : await kagami.call<{ run: { id: string } }>('POST', '/mirrors', {
            organization: 'acme',
            upstream: 'origin',
            repository,
          })
      await kagami.follow(`${path}/progress?run=${run.id}`)
      const ended = await kagami.call<{ run: Run }>('GET', `${path}/runs/${run.id}`)
      if (ended.run.outcome !== 'done') throw new Error(`a run ended with ${JSON.stringify(ended.run)}`)
    }
    return {
      async pass() {
        await Promise.all(repositories.map(passOne))
        started = true
      },
      peakMiB: () => groupPeakMiB(kagami.group),
      target: (repository) => ({
        url: kagami.url,
        repository: `acme/${repository}`,
        credentials: kagami.credentials,
      }),
      compare: {},
      stop: async () => void (await kagami.stop()),
    }
  },
}

interface CommandOptions {
  readonly name: string
  /** The commands of one pass; `directory` is a folder and a home of their own. */
  commands(o: {
    readonly source: string
    readonly target: string
    readonly repositories: readonly string[]
    readonly tags: readonly string[]
    readonly directory: string
  }): string[][]
}

/** A command-line program that copies into a docker-registry. */
function commandCopier({ name, commands }: CommandOptions): CopierKind {
  return {
    name,
    async start(upstreamUrl, repositories, tags) {
      const registry = await startDockerRegistry({ cache: true })
      const directory = temporaryDirectory('bench-copier')
      const env = isolatedHome(directory.path)
      const [source, target] = [new URL(upstreamUrl).host, new URL(registry.url).host]
      let peak = 0
      return {
        async pass() {
          for (const command of commands({ source, target, repositories, tags, directory: directory.path })) {
            await succeed(watched(command, env, (mib) => (peak = Math.max(peak, mib))))
          }
        },
        peakMiB: () => peak,
        target: (repository) => ({ url: registry.url, repository }),
        compare: { referrers: 'either' },
        async stop() {
          await registry.stop()
          directory.remove()
        },
      }
    },
  }
}

/** Runs a command and looks at its peak memory while it lives. */
async function watched(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  see: (mib: number) => void,
): Promise<CommandResult> {
  const child = Bun.spawn([...command], {
    env: { ...plainEnvironment(), ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const timer = setInterval(() => see(peakMiB(child.pid)), 20)
  try {
    const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
    return { exitCode: await child.exited, stdout, stderr }
  } finally {
    clearInterval(timer)
  }
}

/** The images of each repository, by a source file. It is YAML, and JSON is YAML. */
function skopeoCommand(source: string, target: string, images: object, directory: string): string[] {
  const file = join(directory, 'source.yaml')
  writeFileSync(file, JSON.stringify({ [source]: { 'tls-verify': false, ...images } }))
  const shape = ['--all', '--preserve-digests', '--src', 'yaml', '--dest', 'docker', '--dest-tls-verify=false']
  return ['skopeo', 'sync', ...shape, file, target]
}

// Without the choice of tags skopeo 1.9 stops at the first fallback tag: it would have to change the index to write it.
const skopeo = commandCopier({
  name: 'skopeo sync, images only',
  commands: ({ source, target, repositories, directory }) => {
    const images = Object.fromEntries(repositories.map((one) => [one, '^[0-9]+[.]']))
    return [skopeoCommand(source, target, { 'images-by-tag-regex': images }, directory)]
  },
})

const crane = commandCopier({
  name: 'crane copy --all-tags',
  commands: ({ source, target, repositories }) =>
    repositories.map((one) => ['crane', 'copy', '--insecure', '--all-tags', `${source}/${one}`, `${target}/${one}`]),
})

const regctl = commandCopier({
  name: 'regctl image copy --referrers',
  commands: ({ source, target, repositories, tags }) => [
    ...[source, target].map((host) => ['regctl', 'registry', 'set', '--tls', 'disabled', host]),
    ...repositories.flatMap((one) =>
      tags.map((tag) => {
        const [from, to] = [`${source}/${one}:${tag}`, `${target}/${one}:${tag}`]
        return ['regctl', 'image', 'copy', '--referrers', from, to]
      }),
    ),
  ],
})

// One repository at a time, as the others; to a registry without the referrers API.
const kagamiCopy = commandCopier({
  name: 'kagami copy --all-tags',
  commands: ({ source, target, repositories }) =>
    repositories.map((one) => [kagamiProgram, 'copy', `${source}/${one}`, `${target}/${one}`, '--all-tags']),
})

const oras = commandCopier({
  name: 'oras copy --recursive',
  commands: ({ source, target, repositories, tags }) =>
    repositories.flatMap((one) =>
      tags.map((tag) => {
        const hosts = ['--from-plain-http', '--to-plain-http']
        return ['oras', 'copy', '--recursive', ...hosts, `${source}/${one}:${tag}`, `${target}/${one}:${tag}`]
      }),
    ),
})

const have = (program: string) => Bun.which(program) !== null

const otherCopiers = (): CopierKind[] => [
  ...(have('skopeo') ? [skopeo] : []),
  ...(have('crane') ? [crane] : []),
  ...(have('regctl') ? [regctl] : []),
]

/** Kagami, and what else is on PATH. */
export function presentCopiers(): CopierKind[] {
  return [kagamiCopier, ...otherCopiers()]
}

/** `kagami copy` without a server, and what else is on PATH. */
export function oneShotCopiers(): CopierKind[] {
  return [kagamiCopy, ...otherCopiers(), ...(have('oras') ? [oras] : [])]
}
