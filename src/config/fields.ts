/** Every setting in one table: the parser, the refusals and the documentation read it. */

export interface Field<Fallback extends string | undefined = string | undefined> {
  /** Environment variable. */
  readonly variable: string
  /** Key in `kagami.yaml`; undefined: by environment only. */
  readonly key: string | undefined
  /** As the documentation shows it; undefined: no default. */
  readonly fallback: Fallback
  readonly want: string
  readonly about: string
}

const field = <F extends string | undefined>(variable: string, fallback: F, want: string, about: string): Field<F> => ({
  variable,
  key: variable.slice('KAGAMI_'.length).toLowerCase().replaceAll('_', '-'),
  fallback,
  want,
  about,
})

/** Settings of the server, by environment or in the settings file; the environment wins. */
export const SERVER_FIELDS = {
  data: field('KAGAMI_DATA', './data', 'a directory', 'Where database, blobs and keys are kept'),
  listen: field(
    'KAGAMI_LISTEN',
    '127.0.0.1:5080',
    'HOST:PORT, port 0 to 65535',
    'Where the registry and the API listen',
  ),
  url: field(
    'KAGAMI_URL',
    undefined,
    'http:// or https:// and a host, without path',
    "Public address; unset: the token realm follows the request's Host",
  ),
  owner: field(
    'KAGAMI_OWNER',
    'owner',
    '1 to 64 of a-z, 0-9, and . _ - between them',
    'Name of the first user, the owner of the first organization and operator of the instance',
  ),
  ownerPassword: field(
    'KAGAMI_OWNER_PASSWORD',
    undefined,
    '8 to 128 characters',
    'Password of the first user; made and shown once when unset',
  ),
  org: field(
    'KAGAMI_ORG',
    'acme',
    'one component of a repository name, at most 64 characters',
    'Name of the first organization',
  ),
  sample: field('KAGAMI_SAMPLE', '127.0.0.1:5081', 'HOST:PORT, port 0 to 65535', 'Where the sample upstream listens'),
  database: field(
    'KAGAMI_DATABASE',
    'kagami.sqlite in the data directory',
    'a file path or a postgres:// URL',
    'Where the data is',
  ),
  sealKey: field(
    'KAGAMI_SEAL_KEY',
    undefined,
    '32 random bytes as base64',
    'The key that secrets in the database are sealed by, the same for all servers on a database; unset: seal.key in the data directory, made at the first start',
  ),
  blobs: field(
    'KAGAMI_BLOBS',
    'files',
    'files, or s3://BUCKET/PREFIX?endpoint=URL&region=REGION&style=path, of which the bucket alone is needed',
    'Where blobs are: files in the data directory, or an S3 bucket, for which the environment has AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine a role',
  ),
  blobRedirect: field(
    'KAGAMI_BLOB_REDIRECT',
    'off',
    'on or off',
    'Whether clients fetch blobs of more than 2 MiB from S3 themselves, by an address for one blob and five minutes; off: they pass through the server',
  ),
  definitions: field(
    'KAGAMI_DEFINITIONS',
    undefined,
    'comma-separated UPSTREAM=PATH',
    'Hardened-image definitions (a folder, .tar or .tar.gz) that catalogs of shared upstreams are described by; the same for all servers on a database',
  ),
  allowNetworks: field(
    'KAGAMI_ALLOW_NETWORKS',
    undefined,
    'comma-separated addresses or CIDR blocks',
    'Private networks that upstreams may be in; 127.0.0.0/8 for this machine. Unset: none, but this machine as long as the server listens on loopback alone and KAGAMI_URL is unset or loopback',
  ),
  trustedProxies: field(
    'KAGAMI_TRUSTED_PROXIES',
    undefined,
    'comma-separated addresses or CIDR blocks',
    "Reverse proxies whose X-Forwarded-For or Forwarded header tells the client's address, by which failed logins are counted",
  ),
  history: field(
    'KAGAMI_HISTORY',
    '400d',
    'a length of time from 1d to 3650d, such as 90d or 52w',
    'How long the history of tags is kept, and with it what they pointed at',
  ),
  audit: field(
    'KAGAMI_AUDIT',
    '365d',
    'a length of time from 1d to 3650d, such as 90d or 52w',
    'How long the audit log is kept',
  ),
  gc: field(
    'KAGAMI_GC',
    '6h',
    'a length of time from 1m to 30d, or off',
    'How often what nothing refers to any more is collected; off: only by kagami gc',
  ),
  gcGrace: field(
    'KAGAMI_GC_GRACE',
    '24h',
    'a length of time from 1m to 30d',
    'How long content stays that nothing refers to, from when somebody last asked for it; a push under way for longer may have to begin anew',
  ),
  keepMirrored: field(
    'KAGAMI_KEEP_MIRRORED',
    '180d',
    'a length of time in whole days from 0 to 3650d',
    'How long mirrored content is kept after its last tag, parent or subject is gone, where its repository does not say otherwise',
  ),
  keepMirroredAfterPull: field(
    'KAGAMI_KEEP_MIRRORED_AFTER_PULL',
    '90d',
    'a length of time in whole days from 0 to 3650d',
    'How long such content is kept after its last pull',
  ),
  keepPushed: field(
    'KAGAMI_KEEP_PUSHED',
    '0',
    'a length of time in whole days from 0 to 3650d',
    'As KAGAMI_KEEP_MIRRORED, for content that was pushed; 0: for the grace time',
  ),
  keepPushedAfterPull: field(
    'KAGAMI_KEEP_PUSHED_AFTER_PULL',
    '0',
    'a length of time in whole days from 0 to 3650d',
    'How long such content is kept after its last pull',
  ),
  takeover: field(
    'KAGAMI_TAKEOVER',
    '20s',
    'a length of time from 2s to 10m',
    'How long a server may give no sign of life before another on the same PostgreSQL database takes over its runs',
  ),
  metricsAllow: field(
    'KAGAMI_METRICS_ALLOW',
    undefined,
    'comma-separated addresses or CIDR blocks',
    'Clients that may read /metrics without signing in; everybody else needs the token of an operator',
  ),
  runsAtOnce: field(
    'KAGAMI_RUNS_AT_ONCE',
    '8',
    'a whole number from 1 to 64',
    'Runs of mirrors under way at once, of all servers on the database, whoever asked for them; the others wait for a place',
  ),
  upstreamRequests: field(
    'KAGAMI_UPSTREAM_REQUESTS',
    '64',
    'a whole number from 1 to 64',
    'Requests that one registry and login are asked at once at most, of all servers on the database; how many it is depends on how the registry bears them',
  ),
  workers: field(
    'KAGAMI_WORKERS',
    'the number of cores, at most 16; 1 on systems other than Linux',
    'a whole number from 1 to 64',
    'Processes that serve the registry on one port, over the same data: the main one, which does all else too, and its workers. Systems other than Linux have one in any case',
  ),
  smtpUrl: field(
    'KAGAMI_SMTP_URL',
    undefined,
    'smtp:// or smtps://, a host, and a user name and a password where it asks for them',
    'The mail server that sends invitations, and owners word of webhooks that were disabled, at an address as KAGAMI_ALLOW_NETWORKS says; wants KAGAMI_URL, where the links lead. Unset: no mail is sent',
  ),
  smtpFrom: field(
    'KAGAMI_SMTP_FROM',
    undefined,
    'a mail address, with or without a name: Kagami <kagami@example.com>',
    'Whom mail comes from; wanted with KAGAMI_SMTP_URL',
  ),
  dockerConfig: field(
    'KAGAMI_DOCKER_CONFIG',
    'config.json in DOCKER_CONFIG, or in .docker of the home directory',
    'a file path',
    "Docker's logins and credential helpers, for shared targets that sign in by docker",
  ),
  log: field('KAGAMI_LOG', 'info', 'debug, info, warn or error', 'Least level that is logged, to standard error'),
} as const satisfies Record<string, Field>

/** Settings of the command line, by environment only: a server's settings file says nothing about its clients. */
export const CLIENT_FIELDS = {
  server: {
    ...field(
      'KAGAMI_SERVER',
      'http://127.0.0.1:5080',
      'http:// or https:// and a host',
      'The server that the command line talks to',
    ),
    key: undefined,
  },
  token: {
    ...field('KAGAMI_TOKEN', undefined, 'a personal access token', 'Signs the command line in'),
    key: undefined,
  },
} as const satisfies Record<string, Field>

/** Where the settings file is. */
export const CONFIG_FIELD: Field = {
  ...field('KAGAMI_CONFIG', 'kagami.yaml, where it exists', 'a file path', 'The settings file'),
  key: undefined,
}

/** All settings, in the order in which the documentation shows them. */
export const FIELDS: readonly Field[] = [...Object.values(SERVER_FIELDS), CONFIG_FIELD, ...Object.values(CLIENT_FIELDS)]
