/* The peers of the compiled engine: the same rules on the same losses, written by hand.

   Every operation is one that the suite carries out, in its order, so that the final iterates are
   the same bits (compile with -ffp-contract=off). For each rule there are

     <rule>_one      one run, step sizes computed in the loop
     <rule>_ahead    one run, step sizes computed AHEAD rounds ahead, in wide registers
     <rule>_lanes    many runs in blocks of BLOCK lanes, each lane with a state of its own

   and for Adam the same on hinges, whose gradient depends on the iterate, as adam_hinge_*. */

#include <math.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#ifndef BLOCK
#define BLOCK 64
#endif
#define AHEAD 1024

#define INLINE static inline __attribute__((always_inline))

/* What is the same in every lane of a round. */
typedef struct {
    double size, power1, power2;
} shared;

INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double sign(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }
INLINE double ratio(double a, double b) { return fabs(a) > 0 ? a / b : a; }

/* beta1**t is subnormal from round 7 000 on and stays so: arithmetic that is slow on many cores.
   Whether it counts as 0 changes no result here, as 1 - beta1**t is 1 either way. */
void flush_subnormals(int on) {
#if defined(__SSE2__)
    unsigned both = 0x8040;
    _mm_setcsr(on ? _mm_getcsr() | both : _mm_getcsr() & ~both);
#endif
}

/* The directions. a, b, c: the state of a lane. */

INLINE double adam(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    *b = 0.999 * *b + (1 - 0.999) * g * g;
    return s.size * (*a / (1 - s.power1) / (sqrt(*b / (1 - s.power2)) + 1e-8));
}

INLINE double adamw(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    *b = 0.999 * *b + (1 - 0.999) * g * g;
    double direction = *a / (1 - s.power1) / (sqrt(*b / (1 - s.power2)) + 1e-8);
    return s.size * (direction + 0.01 * x);
}

INLINE double amsgrad(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    *b = 0.999 * *b + (1 - 0.999) * g * g;
    *c = larger(*c, *b);
    return s.size * ratio(*a, sqrt(*c));
}

INLINE double adamax(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    *b = larger(0.999 * *b, fabs(g));
    return s.size * ratio(*a / (1 - s.power1), *b);
}

INLINE double nadam(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    *b = 0.999 * *b + (1 - 0.999) * g * g;
    double ahead = 0.9 * *a / (1 - 0.9 * s.power1) + (1 - 0.9) * g / (1 - s.power1);
    return s.size * (ahead / (sqrt(*b / (1 - s.power2)) + 1e-8));
}

INLINE double rmsprop(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g * g;
    return s.size * (g / (sqrt(*a) + 1e-8));
}

INLINE double adagrad(double g, double x, double *a, double *b, double *c, shared s) {
    *a = *a + g * g;
    return s.size * (g / (sqrt(*a) + 1e-10));
}

INLINE double heavy_ball(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + g;
    return s.size * *a;
}

INLINE double signum(double g, double x, double *a, double *b, double *c, shared s) {
    *a = 0.9 * *a + (1 - 0.9) * g;
    return s.size * sign(*a);
}

INLINE double lion(double g, double x, double *a, double *b, double *c, shared s) {
    double direction = sign(0.9 * *a + (1 - 0.9) * g);
    *a = 0.99 * *a + (1 - 0.99) * g;
    return s.size * direction;
}

INLINE double gradient_descent(double g, double x, double *a, double *b, double *c, shared s) {
    return s.size * g;
}

/* Losses: 3 x, -x, -x on [-1, 1], or hinges that flatten out there, on the whole line. */

INLINE double linear(double x, double slope) { return slope; }
INLINE double box(double x) { return x < -1.0 ? -1.0 : x > 1.0 ? 1.0 : x; }
INLINE double hinge(double x, double slope) {
    int flat = slope > 0 ? x < -1.0 : x > 1.0;
    return flat ? 0.0 * slope : slope;
}
INLINE double line(double x) { return x; }

static const double SLOPES[3] = {3.0, -1.0, -1.0};

#define ROUND(rule, gradient, project)                                                             \
    s.power1 = 0.9 * s.power1;                                                                     \
    s.power2 = 0.999 * s.power2;                                                                   \
    double g = gradient(x, SLOPES[k]);                                                             \
    k = k == 2 ? 0 : k + 1;                                                                        \
    x = project(x - rule(g, x, &a, &b, &c, s));

#define ONE(name, rule, gradient, project)                                                         \
    double name##_one(long steps, double alpha) {                                                  \
        double x = 0, a = 0, b = 0, c = 0;                                                         \
        shared s = {0, 1, 1};                                                                      \
        int k = 0;                                                                                 \
        for (long i = 0; i < steps; i++) {                                                         \
            s.size = alpha / sqrt((double)(i + 1));                                                \
            ROUND(rule, gradient, project)                                                         \
        }                                                                                          \
        return x;                                                                                  \
    }                                                                                              \
    double name##_ahead(long steps, double alpha) {                                                \
        double x = 0, a = 0, b = 0, c = 0, sizes[AHEAD];                                           \
        shared s = {0, 1, 1};                                                                      \
        int k = 0;                                                                                 \
        for (long first = 0; first < steps; first += AHEAD) {                                      \
            for (long i = 0; i < AHEAD; i++) sizes[i] = alpha / sqrt((double)(first + i + 1));     \
            long count = steps - first < AHEAD ? steps - first : AHEAD;                            \
            for (long i = 0; i < count; i++) {                                                     \
                s.size = sizes[i];                                                                 \
                ROUND(rule, gradient, project)                                                     \
            }                                                                                      \
        }                                                                                          \
        return x;                                                                                  \
    }

/* lanes: a multiple of BLOCK. */
#define LANES(name, rule, gradient, project)                                                       \
    void name##_lanes(long steps, long lanes, double alpha, double *out) {                         \
        for (long first = 0; first < lanes; first += BLOCK) {                                      \
            double x[BLOCK], a[BLOCK], b[BLOCK], c[BLOCK];                                         \
            for (int i = 0; i < BLOCK; i++) {                                                      \
                x[i] = out[first + i];                                                             \
                a[i] = b[i] = c[i] = 0;                                                            \
            }                                                                                      \
            shared s = {0, 1, 1};                                                                  \
            int k = 0;                                                                             \
            for (long j = 0; j < steps; j++) {                                                     \
                s.size = alpha / sqrt((double)(j + 1));                                            \
                s.power1 = 0.9 * s.power1;                                                         \
                s.power2 = 0.999 * s.power2;                                                       \
                double slope = SLOPES[k];                                                          \
                k = k == 2 ? 0 : k + 1;                                                            \
                for (int i = 0; i < BLOCK; i++) {                                                  \
                    double g = gradient(x[i], slope);                                              \
                    x[i] = project(x[i] - rule(g, x[i], &a[i], &b[i], &c[i], s));                  \
                }                                                                                  \
            }                                                                                      \
            for (int i = 0; i < BLOCK; i++) out[first + i] = x[i];                                 \
        }                                                                                          \
    }

#define RULE(rule)                                                                                 \
    ONE(rule, rule, linear, box)                                                                   \
    LANES(rule, rule, linear, box)

RULE(adam)
RULE(adamw)
RULE(amsgrad)
RULE(adamax)
RULE(nadam)
RULE(rmsprop)
RULE(adagrad)
RULE(heavy_ball)
RULE(signum)
RULE(lion)
RULE(gradient_descent)

ONE(adam_hinge, adam, hinge, line)
LANES(adam_hinge, adam, hinge, line)

/* What limits them: divisions and square roots that do not wait for one another. */

#define THROUGHPUT(name, attribute, operation)                                                     \
    attribute double name(long rounds, double *restrict a) {                                       \
        for (long j = 0; j < rounds; j++) {                                                        \
            for (int i = 0; i < 64; i++) a[i] = operation;                                         \
            __asm__ volatile("" : : "r"(a) : "memory");                                            \
        }                                                                                          \
        return a[0];                                                                               \
    }
#define SCALAR __attribute__((optimize("no-tree-vectorize", "no-tree-slp-vectorize")))

THROUGHPUT(divide_vector, , 1.5 / a[i])
THROUGHPUT(root_vector, , sqrt(a[i]))
THROUGHPUT(divide_scalar, SCALAR, 1.5 / a[i])
THROUGHPUT(root_scalar, SCALAR, sqrt(a[i]))
