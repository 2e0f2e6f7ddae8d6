export const immutable = {
  title: 'Immutable tags',
  lead: 'Tags that nobody can move or delete once they exist. A mirror leaves them as they are too.',
  modes: {
    none: 'No tag is immutable',
    all: 'Every tag is immutable',
    patterns: 'Tags that match a pattern are immutable',
  },
  patterns: 'Patterns',
  patternsHelp: 'RE2 expressions over the whole tag, one a line, such as v[0-9.]+.',
}
