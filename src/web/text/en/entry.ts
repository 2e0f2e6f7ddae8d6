export const entry = {
  mirror: 'Mirror to repository',
  view: 'View in repository',
  choose: 'Mirrors of this image',
  mirroredInto: 'Mirrored to',
  notYet: 'Not mirrored in any of your organizations yet.',
  mayNot: (organization: string) =>
    `Only owners of ${organization} and members of a team that manages mirrors can start a mirror. Ask one of them.`,
}
