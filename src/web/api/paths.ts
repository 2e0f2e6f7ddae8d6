/** Paths of the API with names in them. */

/** `acme/tools/build` as the API's paths have it. */
export function repositoryPath(name: string): string {
  const slash = name.indexOf('/')
  return [name.slice(0, slash), name.slice(slash + 1)].map(encodeURIComponent).join('/')
}

/** @param rest `/members/…`, encoded already */
export function organizationPath(organization: string, rest = ''): string {
  return `/organizations/${encodeURIComponent(organization)}${rest}`
}
