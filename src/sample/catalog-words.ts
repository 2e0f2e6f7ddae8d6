/** What the catalog says of the sample's images. Their content is made up: nothing in them runs. */
import type { ImageRepositoryName } from './definitions.ts'

export interface CatalogWords {
  readonly title: string
  readonly description: string
  readonly homeUrl: string
  readonly categories: readonly string[]
  readonly tools: readonly (readonly [name: string, description: string])[]
  /** Markdown. */
  readonly overview: string
  readonly guides: string
  readonly logo: string
}

const ABOUT_SAMPLE = `## About this sample

The sample upstream shows how Kagami mirrors hardened images without a network. Its images have the shape of real ones (two
platforms, an SBOM, provenance, a vulnerability report with VEX, and a signature on each), but their layers hold no program.
Publish another release with \`kagami sample release\` and see the tags move.
`

function guides(name: string, tag: string, use: string): string {
  return `## Mirror it

\`\`\`console
$ kagami mirror start sample/${name}
\`\`\`

Kagami copies every tag with its attestations and signatures, byte for byte, and keeps them in step.

## ${use}

\`\`\`dockerfile
FROM localhost:5080/acme/dhi-${name}:${tag}-dev AS build
WORKDIR /app
COPY . .

FROM localhost:5080/acme/dhi-${name}:${tag}
COPY --from=build /app /app
\`\`\`

The \`-dev\` variant has a shell and a package manager and runs as root: build in it. The runtime variant has neither, and
runs as the user \`nonroot\` (65532).

## What differs from other images

| Item | Other images | Hardened images |
|---|---|---|
| User | root | \`nonroot\`, but for \`-dev\` |
| Shell | yes | only in \`-dev\` |
| Package manager | yes | only in \`-dev\` |
| Ports | any | above 1024: the user may open no other |
`
}

const logo = (letters: string, colour: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img"><rect width="64" height="64" rx="14" fill="${colour}"/><text x="32" y="43" font-family="system-ui, sans-serif" font-size="30" font-weight="700" text-anchor="middle" fill="#fff">${letters}</text></svg>\n`

export const IMAGE_WORDS: Readonly<Record<ImageRepositoryName, CatalogWords>> = {
  python: {
    title: 'Python',
    description: 'A language that reads almost like English, for scripts, services and data.',
    homeUrl: 'https://www.python.org/',
    categories: ['languages-and-frameworks', 'data-science'],
    tools: [
      ['python3', 'The interpreter'],
      ['apt', 'Installs packages of Debian (-dev only)'],
    ],
    overview: `## About Python

Python is a language for almost everything: scripts of ten lines, web services, and most of today's data science. This sample
follows the lines 3.12, which is no longer rebuilt, and 3.13.

${ABOUT_SAMPLE}`,
    guides: guides('python', '3.13', 'Use it for a service'),
    logo: logo('Py', '#2f6fa7'),
  },
  node: {
    title: 'Node.js',
    description: 'JavaScript and TypeScript outside of the browser, on the V8 engine.',
    homeUrl: 'https://nodejs.org/',
    categories: ['languages-and-frameworks'],
    tools: [['node', 'The runtime']],
    overview: `## About Node.js

Node.js runs JavaScript on servers. Its even versions are supported for years; this sample follows the line 24.

${ABOUT_SAMPLE}`,
    guides: guides('node', '24', 'Use it for a service'),
    logo: logo('No', '#3d7a36'),
  },
  nginx: {
    title: 'NGINX',
    description: 'A web server, reverse proxy and load balancer that stays small under load.',
    homeUrl: 'https://nginx.org/',
    categories: ['web-servers', 'networking'],
    tools: [['nginx', 'The server']],
    overview: `## About NGINX

NGINX serves files, passes requests on to other servers, and spreads them over several. This sample follows the line 1.29.
The chart \`nginx-chart\` deploys it, pinned by digest.

${ABOUT_SAMPLE}`,
    guides: guides('nginx', '1.29', 'Use it for a site'),
    logo: logo('Nx', '#0b7a4b'),
  },
}

export const CHART_WORDS: CatalogWords = {
  title: 'NGINX Helm chart',
  description: 'Deploys the NGINX image of this sample on Kubernetes, pinned by digest.',
  homeUrl: 'https://helm.sh/',
  categories: ['web-servers', 'integration-and-delivery'],
  tools: [],
  overview: `## About this Helm chart

The chart deploys \`nginx\` of this sample. Its values name the image by tag and digest: what runs is what was tested.

${ABOUT_SAMPLE}`,
  guides: `## Mirror it

\`\`\`console
$ kagami mirror start sample/nginx-chart
\`\`\`

## Install it

\`\`\`console
$ helm registry login localhost:5080
$ helm install web oci://localhost:5080/acme/dhi-nginx-chart --set image.registry=localhost:5080
\`\`\`

Mirror \`nginx\` too, so that the cluster pulls both from here.
`,
  logo: logo('⎈', '#33415c'),
}
