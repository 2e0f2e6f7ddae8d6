// Webhooks in the shapes that registries send them, with the names of a repository of ours.
const DIGEST = `sha256:${'a1'.repeat(32)}`
const OTHER = `sha256:${'b2'.repeat(32)}`

export interface Payload {
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Names {
  /** At the registry: `team/app`. */
  readonly repository: string
  readonly tag: string
  readonly digest?: string
}

function parts(repository: string): { namespace: string; name: string } {
  const slash = repository.lastIndexOf('/')
  return { namespace: repository.slice(0, slash), name: repository.slice(slash + 1) }
}

export const PUSHES = {
  'Docker Hub': ({ repository, tag }): Payload => ({
    body: {
      callback_url: 'http://169.254.169.254/latest/meta-data/',
      push_data: { pushed_at: 1764150000, pusher: 'builder', tag, images: [] },
      repository: {
        comment_count: 0,
        date_created: 1764000000,
        description: '',
        full_description: null,
        is_official: false,
        is_private: true,
        is_trusted: false,
        ...parts(repository),
        owner: parts(repository).namespace,
        repo_name: repository,
        repo_url: `https://hub.docker.com/r/${repository}`,
        star_count: 0,
        status: 'Active',
      },
    },
  }),
  Kagami: ({ repository, tag, digest = DIGEST }): Payload => ({
    body: {
      callback_url: '',
      push_data: { pushed_at: 1764150000, pusher: 'mirror', tag },
      repository: { ...parts(repository), repo_name: repository, repo_url: `https://kagami.example/${repository}` },
      kagami: { digest, event: 'tag.moved' },
    },
  }),
  Harbor: ({ repository, tag, digest = DIGEST }): Payload => ({
    body: {
      type: 'PUSH_ARTIFACT',
      occur_at: 1764150000,
      operator: 'robot$ci',
      event_data: {
        resources: [{ digest, tag, resource_url: `harbor.example/${repository}:${tag}` }],
        repository: {
          date_created: 1764000000,
          ...parts(repository),
          repo_full_name: repository,
          repo_type: 'private',
        },
      },
    },
  }),
  'Harbor CloudEvents': ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: { 'content-type': 'application/cloudevents+json' },
    body: {
      specversion: '1.0',
      id: '5b2f0a4e-2f1c-4f54-8a52-0d0a5a1f7c11',
      requestid: '0c3f0a4e-2f1c-4f54-8a52-0d0a5a1f7c12',
      source: '/projects/2/webhook/policies/15',
      type: 'harbor.artifact.pushed',
      datacontenttype: 'application/json',
      time: '2025-11-26T10:00:00Z',
      data: {
        resources: [{ digest, tag, resource_url: `harbor.example/${repository}:${tag}` }],
        repository: {
          date_created: 1764000000,
          ...parts(repository),
          repo_full_name: repository,
          repo_type: 'private',
        },
      },
      operator: 'robot$ci',
    },
  }),
  distribution: ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: { 'content-type': 'application/vnd.docker.distribution.events.v2+json' },
    body: {
      events: [
        {
          id: 'e1',
          timestamp: '2025-11-26T10:00:00.000000001Z',
          action: 'push',
          target: {
            mediaType: 'application/octet-stream',
            digest: OTHER,
            size: 7000,
            length: 7000,
            repository,
            url: `http://127.0.0.1:1/v2/${repository}/blobs/${OTHER}`,
          },
          request: { id: 'r1', addr: '10.0.0.1:4000', host: 'registry.example', method: 'PUT', useragent: 'docker' },
          actor: { name: 'ci' },
          source: { addr: 'registry:5000', instanceID: 'i1' },
        },
        {
          id: 'e2',
          timestamp: '2025-11-26T10:00:01.000000001Z',
          action: 'push',
          target: {
            mediaType: 'application/vnd.oci.image.index.v1+json',
            digest,
            size: 700,
            length: 700,
            repository,
            url: `http://127.0.0.1:1/v2/${repository}/manifests/${digest}`,
            tag,
          },
          request: { id: 'r2', addr: '10.0.0.1:4000', host: 'registry.example', method: 'PUT', useragent: 'docker' },
          actor: { name: 'ci' },
          source: { addr: 'registry:5000', instanceID: 'i1' },
        },
      ],
    },
  }),
  'Azure, one event': ({ repository, tag, digest = DIGEST }): Payload => ({
    body: {
      id: 'cb8c3971-9adc-488b-xxxx-43cbb4974ff5',
      timestamp: '2025-11-26T10:00:00.000000001Z',
      action: 'push',
      target: {
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        size: 524,
        digest,
        length: 524,
        repository,
        tag,
      },
      request: { id: 'r1', host: 'team.azurecr.example', method: 'PUT', useragent: 'docker' },
    },
  }),
  'GitHub registry_package': ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: { 'x-github-event': 'registry_package' },
    body: github('registry_package', repository, tag, digest),
  }),
  'GitHub package, as a form': ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-github-event': 'package' },
    body: new URLSearchParams({ payload: JSON.stringify(github('package', repository, tag, digest)) }).toString(),
  }),
  Quay: ({ repository, tag }): Payload => ({
    body: {
      ...parts(repository),
      repository,
      docker_url: `quay.example/${repository}`,
      homepage: `https://quay.example/repository/${repository}`,
      updated_tags: [tag],
    },
  }),
  'Quay of before': ({ repository, tag }): Payload => ({
    body: {
      ...parts(repository),
      repository,
      pushed_image_count: 2,
      docker_url: `quay.example/${repository}`,
      homepage: `https://quay.example/repository/${repository}`,
      visibility: 'private',
      updated_tags: { [tag]: 'b750fe79269d2ec9' },
    },
  }),
  'zot, structured': ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: { 'content-type': 'application/cloudevents+json' },
    body: {
      specversion: '1.0',
      id: '9b2f0a4e-2f1c-4f54-8a52-0d0a5a1f7c11',
      source: 'zotregistry.dev',
      type: 'zotregistry.image.updated',
      datacontenttype: 'application/json',
      time: '2025-11-26T10:00:00Z',
      data: zot(repository, tag, digest),
    },
  }),
  'zot, binary': ({ repository, tag, digest = DIGEST }): Payload => ({
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '9b2f0a4e-2f1c-4f54-8a52-0d0a5a1f7c11',
      'ce-source': 'https://registry.example',
      'ce-type': 'com.example.registry.image.updated',
      'ce-time': '2025-11-26T10:00:00Z',
    },
    body: zot(repository, tag, digest),
  }),
} satisfies Record<string, (names: Names) => Payload>

function zot(repository: string, reference: string, digest: string) {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  return { name: repository, reference, digest, mediaType, manifest: '{"schemaVersion":2}' }
}

/** GitHub writes names as their owners do: with capitals. */
function github(event: 'package' | 'registry_package', repository: string, tag: string, digest: string) {
  const { namespace, name } = parts(repository)
  return {
    action: 'published',
    [event]: {
      id: 10696,
      name,
      namespace: namespace.toUpperCase(),
      description: null,
      ecosystem: 'CONTAINER',
      package_type: 'CONTAINER',
      html_url: `https://github.com/${namespace}/${name}/packages/10696`,
      owner: { login: namespace.toUpperCase(), id: 1, type: 'Organization' },
      package_version: {
        id: 57755790,
        version: digest,
        name: digest,
        description: '',
        manifest: '',
        container_metadata: {
          tag: { name: tag, digest },
          labels: { source: `https://github.com/${namespace}/${name}`, all_labels: {} },
          manifest: {
            digest,
            media_type: 'application/vnd.oci.image.index.v1+json',
            size: 700,
            config: {},
            layers: [],
          },
        },
        package_url: `ghcr.io/${namespace.toUpperCase()}/${name}:${tag}`,
      },
      registry: { name: 'GitHub CONTAINER registry', type: 'CONTAINER', url: 'https://ghcr.io', vendor: 'GitHub Inc' },
    },
    repository: { id: 1, name, full_name: `${namespace}/${name}`, private: true },
    sender: { login: 'ci', id: 2 },
  }
}

/** As a request carries it. */
export function requestOf({ body, headers = {} }: Payload): { body: string; headers: Record<string, string> } {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { body: text, headers: { 'content-type': 'application/json', ...headers } }
}
