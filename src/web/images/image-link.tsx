/** Leads to an image. */
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { shortDigest } from '../format/sizes.ts'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { type ImageSearch, joinImage } from './image-search.ts'

export function ImageLink(o: {
  /** Whole: `acme/dhi-node`. */
  readonly repository: string
  readonly reference: string
  readonly search?: ImageSearch
  readonly children?: ReactNode
}) {
  const { organization, _splat } = repositoryPlace(o.repository)
  return (
    <Link
      to="/o/$organization/image/$"
      params={{ organization, _splat: joinImage(_splat, o.reference) }}
      search={o.search ?? {}}
      className="name"
    >
      {o.children ?? o.reference}
    </Link>
  )
}

/** Leads to an image by its digest, shortened; the whole on hover. */
export function ImageDigest({ repository, digest }: { readonly repository: string; readonly digest: string }) {
  return (
    <ImageLink repository={repository} reference={digest}>
      <span className="digest" title={digest}>
        {shortDigest(digest)}
      </span>
    </ImageLink>
  )
}
