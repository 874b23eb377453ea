/* The program: finds the subcommand and runs it. */
#include <stdio.h>

int main(void)
{
    printf("assay\n");
    return 0;
}
