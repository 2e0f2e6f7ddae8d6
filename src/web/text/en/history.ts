export const history = {
  title: (tag: string) => `History of ${tag}`,
  empty: 'No history yet, or it is older than what this server keeps.',
  removed: 'Deleted',
  now: 'now',
  byMirror: 'the mirror',
  restore: 'Restore',
  restoreLead: 'The tag points here again. A mirror leaves it here until you give it back to it.',
  reason: 'Reason, for the history (optional)',
  restored: (tag: string) => `${tag} was restored.`,
  release: 'Give back to the mirror',
  released: 'The mirror takes it again.',
  mayNot: 'Only admins of this repository can restore tags. Ask an owner or editor of the organization.',
}
