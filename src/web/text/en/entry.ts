export const entry = {
  mirror: 'Mirror to repository',
  view: 'View in repository',
  choose: 'Repositories that mirror it',
  source: 'Source',
  mirroredInto: 'Mirrored into',
  notYet: 'Nobody in your organizations mirrors it yet.',
  mayNot: (organization: string) =>
    `Only owners of ${organization}, and members of a team that manages mirrors, start mirrors. Ask one of them.`,
}
