/** What is in images: asked again while the server still reads it. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { TagMove } from '../../api/history.ts'
import type { AttachedList, AttestationAnswer } from '../../api/image-attestations.ts'
import type { ImageComparison } from '../../api/image-compare.ts'
import type { FoundPackage, FoundVulnerability } from '../../api/image-search.ts'
import type {
  Image,
  ImagePackage,
  ImagePackageList,
  ImageVulnerability,
  ImageVulnerabilityList,
} from '../../api/images.ts'
import { repositoryPath } from './paths.ts'
import { request, requestAll } from './request.ts'

/** `name:tag` or `name@sha256:…`, within an organization. */
export interface ImagePlace {
  /** Whole: `acme/dhi-node`. */
  readonly repository: string
  readonly reference: string
}

const AGAIN_MS = 1500

export function imagePath({ repository, reference }: ImagePlace, rest = ''): string {
  return `/repositories/${repositoryPath(repository)}/images/${encodeURIComponent(reference)}${rest}`
}

export function useImage(place: ImagePlace, platform: string | undefined) {
  return useQuery({
    queryKey: ['image', place, platform],
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) =>
      (await request<{ image: Image }>('GET', imagePath(place), { query: { platform }, signal })).image,
    refetchInterval: ({ state: { data } }) =>
      data?.selected?.contents.state === 'reading' || data?.contents.state === 'reading' ? AGAIN_MS : false,
  })
}

/** Entries of a whole list, with how far the image is known. */
async function whole<List extends { readonly next: string | null }, Item>(
  place: ImagePlace,
  noun: string,
  itemsOf: (list: List) => readonly Item[],
  o: { readonly platform: string | undefined; readonly signal: AbortSignal },
): Promise<Item[]> {
  const items: Item[] = []
  for (let after: string | undefined; ; ) {
    const query = { platform: o.platform, limit: 1000, after }
    const list = await request<List>('GET', imagePath(place, `/${noun}`), { query, signal: o.signal })
    items.push(...itemsOf(list))
    if (list.next === null) return items
    after = list.next
  }
}

/** @param readAt when the server read it: then its list is another */
export function usePackages(place: ImagePlace, platform: string | undefined, readAt: string | null) {
  return useQuery({
    queryKey: ['packages', place, platform, readAt],
    enabled: readAt !== null,
    queryFn: ({ signal }) =>
      whole<ImagePackageList, ImagePackage>(place, 'packages', (list) => list.packages, { platform, signal }),
  })
}

export function useVulnerabilities(place: ImagePlace, platform: string | undefined, readAt: string | null) {
  return useQuery({
    queryKey: ['vulnerabilities', place, platform, readAt],
    enabled: readAt !== null,
    queryFn: ({ signal }) =>
      whole<ImageVulnerabilityList, ImageVulnerability>(place, 'vulnerabilities', (list) => list.vulnerabilities, {
        platform,
        signal,
      }),
  })
}

export function useAttached(place: ImagePlace) {
  return useQuery({
    queryKey: ['attached', place],
    queryFn: ({ signal }) => request<AttachedList>('GET', imagePath(place, '/attestations'), { signal }),
  })
}

export function useAttestation(place: ImagePlace, digest: string) {
  return useQuery({
    queryKey: ['attestation', place, digest],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) =>
      request<AttestationAnswer>('GET', imagePath(place, `/attestations/${encodeURIComponent(digest)}`), { signal }),
  })
}

export function useComparison(repository: string, o: { from: string; to: string; platform: string | undefined }) {
  return useQuery({
    queryKey: ['comparison', repository, o],
    queryFn: async ({ signal }) =>
      (
        await request<{ comparison: ImageComparison }>('GET', `/repositories/${repositoryPath(repository)}/compare`, {
          query: { ...o },
          signal,
        })
      ).comparison,
    refetchInterval: ({ state: { data } }) =>
      data !== undefined && [data.from, data.to].some(({ contents }) => contents.state === 'reading')
        ? AGAIN_MS
        : false,
  })
}

export function useTagHistory(repository: string, tag: string) {
  return useQuery({
    queryKey: ['history', repository, tag],
    queryFn: ({ signal }) =>
      requestAll<TagMove>(`/repositories/${repositoryPath(repository)}/history`, 'history', {
        query: { tag },
        signal,
        most: 1000,
      }),
  })
}

/** A package or a vulnerability, over an organization. */
export function useFound<Kind extends 'packages' | 'vulnerabilities'>(organization: string, kind: Kind, q: string) {
  return useQuery({
    queryKey: ['found', organization, kind, q],
    enabled: q !== '',
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      requestAll<Kind extends 'packages' ? FoundPackage : FoundVulnerability>(`/search/${kind}`, kind, {
        query: { organization, q },
        signal,
        most: 2000,
      }),
  })
}
