/** Leads to a repository from its whole name, `acme/dhi-node`. */
import { Link } from '@tanstack/react-router'
import type { Tab } from '../repositories/tabs.ts'

/** Parameters of its address. */
export function repositoryPlace(name: string): { readonly organization: string; readonly _splat: string } {
  const slash = name.indexOf('/')
  return { organization: name.slice(0, slash), _splat: name.slice(slash + 1) }
}

export function RepositoryLink(o: {
  readonly name: string
  readonly tab?: Tab
  /** The organization is known where it stands. */
  readonly isShort?: boolean
}) {
  const params = repositoryPlace(o.name)
  return (
    <Link
      to="/o/$organization/repository/$"
      params={params}
      {...(o.tab === undefined ? {} : { search: { tab: o.tab } })}
      className="name"
    >
      {o.isShort ? params._splat : o.name}
    </Link>
  )
}
