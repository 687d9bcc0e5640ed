/** The topics of help, in the order in which it lists them, with their titles. */
export const helpTopics = {
  making: 'Making a demo',
  using: 'Using a demo',
  ending: 'The lifetime of a demo',
  people: 'People and their access',
  operating: 'Operating vcdemo',
} as const;

export type Topic = keyof typeof helpTopics;

export const isTopic = (name: string): name is Topic => Object.hasOwn(helpTopics, name);
