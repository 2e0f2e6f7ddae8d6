export const overview = {
  newest: 'Newest tags',
  tag: 'Tag',
  kubernetes: 'Kubernetes',
  onceMirrorOf: (source: string) => `Was a mirror of ${source}. Mirroring was stopped.`,
  mirrorOf: (source: string) => `Mirror of ${source}`,
  lookedAt: 'Last checked:',
  more: 'See the mirror',
  describe: 'Add a description',
  editDescription: 'Edit description',
  description: 'Description',
  pullPublic: 'Public: anyone who reaches this server can pull it.',
  pullPrivate: 'Private: sign in once with your user name and a token, then pull.',
  signIn: 'Sign in first, with a token as the password:',
  pullSecret: 'Create the pull secret first, with a token instead of TOKEN:',
  mayPull:
    'You can pull this repository. Its settings, webhooks and activity are for its admins: ask an owner or editor of the organization.',
}
