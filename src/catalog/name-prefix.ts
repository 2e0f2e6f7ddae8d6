import { parseUpstreamUrl } from '../remote/upstream.ts'

/**
 * What the default names of an upstream's mirrors begin with, unless people said otherwise: `dhi-` where the address is that of a
 * hardened-image catalog (`dhi.io`, or a path that ends in `/dhi`, as the sample's does), nothing elsewhere.
 * @throws AppError INVALID_REQUEST when the URL is none
 */
export function defaultNamePrefix(url: string): string {
  const { base, prefix } = parseUpstreamUrl(url)
  const isCatalog = base.hostname === 'dhi.io' || prefix === 'dhi' || prefix.endsWith('/dhi')
  return isCatalog ? 'dhi-' : ''
}
