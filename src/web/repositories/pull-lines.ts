/** The lines by which tools pull from a registry. */
import type { Tag } from '../../api/tags.ts'

const TOOLS = ['docker', 'podman', 'skopeo', 'kubernetes'] as const
export type Tool = (typeof TOOLS)[number] | 'helm'

const CHART_CONFIG = 'application/vnd.cncf.helm.config.v1+json'

export function isChart({ configType }: Pick<Tag, 'configType'>): boolean {
  return configType === CHART_CONFIG
}

export function toolsFor(isOfChart: boolean): readonly Tool[] {
  return isOfChart ? ['helm', 'skopeo'] : TOOLS
}

export interface PullFrom {
  readonly host: string
  /** With its organization. */
  readonly repository: string
  /** Undefined: there is none yet. */
  readonly tag: string | undefined
  readonly username: string
  /** The registry is reached without TLS: tools have to be told, docker in its own settings. */
  readonly isPlain: boolean
}

/** `signIn` is needed once, where the repository is private. */
export function pullLines(tool: Tool, o: PullFrom): { readonly pull: string[]; readonly signIn: string[] } {
  const { host, username } = o
  const tag = o.tag ?? 'TAG'
  const image = `${host}/${o.repository}:${tag}`
  const noTls = o.isPlain ? ' --tls-verify=false' : ''
  switch (tool) {
    case 'docker':
      return { pull: [`docker pull ${image}`], signIn: [`docker login ${host} --username ${username}`] }
    case 'podman':
      return {
        pull: [`podman pull${noTls} ${image}`],
        signIn: [`podman login${noTls} ${host} --username ${username}`],
      }
    case 'skopeo':
      return {
        pull: [
          `skopeo inspect${noTls} docker://${image}`,
          `skopeo copy --all${o.isPlain ? ' --src-tls-verify=false' : ''} docker://${image} oci:${o.repository.split('/').at(-1)}:${tag}`,
        ],
        signIn: [`skopeo login${noTls} ${host} --username ${username}`],
      }
    case 'helm': {
      const chart = `oci://${host}/${o.repository} --version ${tag}${o.isPlain ? ' --plain-http' : ''}`
      return {
        pull: [`helm pull ${chart}`, `helm install my-release ${chart}`],
        signIn: [`helm registry login ${host} --username ${username}${o.isPlain ? ' --plain-http' : ''}`],
      }
    }
    case 'kubernetes':
      return {
        pull: [
          [
            'spec:',
            '  imagePullSecrets:',
            '    - name: kagami',
            '  containers:',
            '    - name: app',
            `      image: ${image}`,
          ].join('\n'),
        ],
        signIn: [
          `kubectl create secret docker-registry kagami --docker-server=${host} --docker-username=${username} --docker-password=TOKEN`,
        ],
      }
  }
}
