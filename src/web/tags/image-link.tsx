/** Leads to what a tag or a digest of a repository holds. */
import { Link } from '@tanstack/react-router'
import { repositoryPlace } from '../shell/repository-link.tsx'

/** @param reference a tag, or a digest */
export function ImageLink({ repository, reference }: { readonly repository: string; readonly reference: string }) {
  const { organization, _splat } = repositoryPlace(repository)
  const separator = reference.includes(':') ? '@' : ':'
  return (
    <Link
      // The page of an image is another room's.
      to={'/o/$organization/image/$' as '/o/$organization/repository/$'}
      params={{ organization, _splat: `${_splat}${separator}${reference}` }}
      className="name"
    >
      {reference}
    </Link>
  )
}
