/**
 * Messages nest this deep at most, in both encodings; deeper ones are refused. A transaction nests two messages a level and
 * etcd's limit of operations stops it below 130 levels. The bound keeps decoding off the end of the stack.
 */
export const MESSAGE_DEPTH_MAX = 600;
