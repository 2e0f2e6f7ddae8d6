export const start = {
  title: (source: string) => `Mirror ${source}`,
  organization: 'Organization',
  name: 'Name of the repository',
  nameHelp: 'It will be private.',
  tags: 'Tags',
  tagsHelp: 'Globs, one a line: 3.* takes, !*-dev leaves out. Empty: every tag.',
  every: 'Look for news',
  intervals: {
    '5m': 'every 5 minutes',
    '15m': 'every 15 minutes',
    '1h': 'every hour',
    '6h': 'every 6 hours',
    '1d': 'every day',
  },
  plan: 'What will be copied',
  planning: 'Upstream is being looked at …',
  planLine: (o: { tags: string; manifests: string; attestations: string; size: string }) =>
    `${o.tags} tags, ${o.manifests} manifests, ${o.attestations} signatures and attestations, ${o.size}`,
  submit: 'Start mirroring',
}
