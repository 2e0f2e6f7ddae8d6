export const settings = {
  visibility: 'Visibility',
  makePublic: 'Make public',
  makePrivate: 'Make private',
  publicTitle: (name: string) => `Make ${name} public?`,
  publicLead: 'Anyone who can reach this server will be able to pull it, without an account.',
  privateTitle: (name: string) => `Make ${name} private?`,
  privateLead: 'Only members with access will be able to pull it.',
  changed: 'Saved.',
  mayNot: 'Only admins of this repository can change this. Ask an owner or editor of the organization.',
}
