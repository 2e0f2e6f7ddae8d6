import { createRoute } from '@hono/zod-openapi'
import type { Authenticated } from '../../access/principal.ts'
import { attachedListSchema, attestationAnswerSchema } from '../../api/image-attestations.ts'
import { compareQuerySchema, imageComparisonAnswerSchema } from '../../api/image-compare.ts'
import {
  foundPackageListSchema,
  foundVulnerabilityListSchema,
  packageSearchQuerySchema,
  vulnerabilitySearchQuerySchema,
} from '../../api/image-search.ts'
import {
  imageAnswerSchema,
  imagePackageListSchema,
  imageQuerySchema,
  imageVulnerabilityListSchema,
  packagesQuerySchema,
  vulnerabilitiesQuerySchema,
} from '../../api/images.ts'
import { z } from '../../api/schema.ts'
import { compareContents } from '../../contents/compare-contents.ts'
import { describeImage, type ImageDeps } from '../../contents/describe-image.ts'
import { listImagePackages, listImageVulnerabilities } from '../../contents/list-contents.ts'
import { findPackages, findVulnerabilities } from '../../contents/search-contents.ts'
import { listAttestations, showAttestation } from '../../contents/show-attached.ts'
import { parseDigest } from '../../oci/digest.ts'
import { allowList, allowOnRepository, nameOf } from './decide.ts'
import { repositoryPathSchema } from './repositories.ts'
import { newRoutes, ok, type Routes } from './route.ts'

const tags = ['images']
const imagePathSchema = repositoryPathSchema.extend({ reference: z.string().min(1).max(300) })
const base = '/repositories/{organization}/{name}/images/{reference}'

const show = createRoute({
  method: 'get',
  path: base,
  tags,
  summary: 'Show an image by tag or digest: platforms, config, layers, and what is known of its contents',
  description:
    'What it holds is read from its attestations after it came (`contents.state`), of each platform by itself; of an image that no tag leads to, when somebody asks for it.',
  request: { params: imagePathSchema, query: imageQuerySchema },
  responses: ok('The image', imageAnswerSchema),
})

const packages = createRoute({
  method: 'get',
  path: `${base}/packages`,
  tags,
  summary: 'List the packages of an image, as its SBOMs (SPDX, CycloneDX) name them',
  description: '`q` is a part of the name, of the source package or of the version.',
  request: { params: imagePathSchema, query: packagesQuerySchema },
  responses: ok('One page, by name', imagePackageListSchema),
})

const vulnerabilities = createRoute({
  method: 'get',
  path: `${base}/vulnerabilities`,
  tags,
  summary: 'List the vulnerabilities of an image, as its reports name them, with VEX applied',
  description:
    'Kagami scans nothing: these are the reports that are attached. The newest OpenVEX statement on the vulnerability and the package, or its source, counts. `suppressed` true: only those that VEX says the image does not have; false: all others.',
  request: { params: imagePathSchema, query: vulnerabilitiesQuerySchema },
  responses: ok('One page: open ones first, the gravest first', imageVulnerabilityListSchema),
})

const attestations = createRoute({
  method: 'get',
  path: `${base}/attestations`,
  tags,
  summary:
    'List what hangs on an image and its platforms: attestations, signatures, and other referrers, of every level',
  request: { params: imagePathSchema },
  responses: ok('All, each before what hangs on it', attachedListSchema),
})

const attestation = createRoute({
  method: 'get',
  path: `${base}/attestations/{digest}`,
  tags,
  summary: 'Show one of them with its documents, readable',
  request: { params: imagePathSchema.extend({ digest: z.string().max(300) }) },
  responses: ok('What it says, cut where it is long', attestationAnswerSchema),
})

const compare = createRoute({
  method: 'get',
  path: '/repositories/{organization}/{name}/compare',
  tags,
  summary: 'Compare two images of a repository: packages, vulnerabilities, config, size',
  description: '`from` and `to` are tags or digests.',
  request: { params: repositoryPathSchema, query: compareQuerySchema },
  responses: ok('What changed', imageComparisonAnswerSchema),
})

const searchPackages = createRoute({
  method: 'get',
  path: '/search/packages',
  tags,
  summary: 'Find the tags that hold a package, in the repositories that you may pull',
  description:
    '`q` begins the name of the package or of its source, or is `NAME@VERSION`, or a package URL. A page goes through so many rows, seen or not: it may be short, even empty, and have a `next`.',
  request: { query: packageSearchQuerySchema },
  responses: ok('One page, by name', foundPackageListSchema),
})

const searchVulnerabilities = createRoute({
  method: 'get',
  path: '/search/vulnerabilities',
  tags,
  summary: 'Find the tags that have a vulnerability, in the repositories that you may pull',
  description:
    '`q` is its id, such as CVE-2026-12345. `status` says whether VEX finds an image not affected. A page may be short, even empty, and have a `next`.',
  request: { query: vulnerabilitySearchQuerySchema },
  responses: ok('One page', foundVulnerabilityListSchema),
})

interface One {
  readonly req: { valid(target: 'param'): { readonly organization: string; readonly name: string } }
}

export function imageRoutes(deps: ImageDeps): Routes {
  const { db } = deps
  const allow = (who: Authenticated, c: One) => allowOnRepository(db, who, nameOf(c.req.valid('param')), 'pull')
  return newRoutes()
    .serve(show, allow, async (c, { repository }) => {
      const { platform } = c.req.valid('query')
      return c.json({ image: await describeImage(deps, repository, c.req.valid('param').reference, platform) }, 200)
    })
    .serve(packages, allow, async (c, { repository }) => {
      const { platform, q, after, limit } = c.req.valid('query')
      const { reference } = c.req.valid('param')
      return c.json(await listImagePackages(deps, repository, { reference, platform, q, after, limit }), 200)
    })
    .serve(vulnerabilities, allow, async (c, { repository }) => {
      const { platform, q, after, limit, severity, suppressed } = c.req.valid('query')
      const { reference } = c.req.valid('param')
      const isOpen = suppressed === undefined ? undefined : suppressed === 'false'
      const o = { reference, platform, q, after, limit, severity, isOpen }
      return c.json(await listImageVulnerabilities(deps, repository, o), 200)
    })
    .serve(attestations, allow, async (c, { repository }) =>
      c.json(await listAttestations(deps, repository, c.req.valid('param').reference), 200),
    )
    .serve(attestation, allow, async (c, { repository }) => {
      const { reference, digest } = c.req.valid('param')
      return c.json(await showAttestation(deps, repository, reference, parseDigest(digest)), 200)
    })
    .serve(compare, allow, async (c, { repository }) => {
      const { from, to, platform } = c.req.valid('query')
      return c.json({ comparison: await compareContents(deps, repository, { from, to, platform }) }, 200)
    })
    .serve(
      searchPackages,
      (who, c) => allowList(db, who, c.req.valid('query').organization, 'repositories'),
      async (c, { organizations, viewer }) => {
        const { q, after, limit } = c.req.valid('query')
        const organizationIds = organizations.map(({ id }) => id)
        const { items, next } = await findPackages(db.read, { organizationIds, viewer, q, after, limit })
        return c.json({ packages: [...items], next }, 200)
      },
    )
    .serve(
      searchVulnerabilities,
      (who, c) => allowList(db, who, c.req.valid('query').organization, 'repositories'),
      async (c, { organizations, viewer }) => {
        const { q, after, limit } = c.req.valid('query')
        const organizationIds = organizations.map(({ id }) => id)
        const { items, next } = await findVulnerabilities(db.read, { organizationIds, viewer, q, after, limit })
        return c.json({ vulnerabilities: [...items], next }, 200)
      },
    )
}
