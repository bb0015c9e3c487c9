from penstock import FlowSpec, step


class DeepFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.open_1, foreach="items")

    @step
    def open_1(self):
        self.next(self.open_2, foreach="items")

    @step
    def open_2(self):
        self.next(self.open_3, foreach="items")

    @step
    def open_3(self):
        self.next(self.open_4, foreach="items")

    @step
    def open_4(self):
        self.next(self.open_5, foreach="items")

    @step
    def open_5(self):
        self.next(self.open_6, foreach="items")

    @step
    def open_6(self):
        self.next(self.open_7, foreach="items")

    @step
    def open_7(self):
        self.next(self.open_8, foreach="items")

    @step
    def open_8(self):
        self.next(self.open_9, foreach="items")

    @step
    def open_9(self):
        self.next(self.open_10, foreach="items")

    @step
    def open_10(self):
        self.next(self.open_11, foreach="items")

    @step
    def open_11(self):
        self.next(self.open_12, foreach="items")

    @step
    def open_12(self):
        self.next(self.open_13, foreach="items")

    @step
    def open_13(self):
        self.next(self.open_14, foreach="items")

    @step
    def open_14(self):
        self.next(self.open_15, foreach="items")

    @step
    def open_15(self):
        self.next(self.open_16, foreach="items")

    @step
    def open_16(self):
        self.next(self.open_17, foreach="items")

    @step
    def open_17(self):
        self.next(self.open_18, foreach="items")

    @step
    def open_18(self):
        self.next(self.open_19, foreach="items")

    @step
    def open_19(self):
        self.next(self.open_20, foreach="items")

    @step
    def open_20(self):
        self.next(self.open_21, foreach="items")

    @step
    def open_21(self):
        self.next(self.open_22, foreach="items")

    @step
    def open_22(self):
        self.next(self.open_23, foreach="items")

    @step
    def open_23(self):
        self.next(self.open_24, foreach="items")

    @step
    def open_24(self):
        self.next(self.open_25, foreach="items")

    @step
    def open_25(self):
        self.next(self.open_26, foreach="items")

    @step
    def open_26(self):
        self.next(self.open_27, foreach="items")

    @step
    def open_27(self):
        self.next(self.open_28, foreach="items")

    @step
    def open_28(self):
        self.next(self.open_29, foreach="items")

    @step
    def open_29(self):
        self.next(self.open_30, foreach="items")

    @step
    def open_30(self):
        self.next(self.open_31, foreach="items")

    @step
    def open_31(self):
        self.next(self.open_32, foreach="items")

    @step
    def open_32(self):
        self.next(self.open_33, foreach="items")

    @step
    def open_33(self):
        self.next(self.open_34, foreach="items")

    @step
    def open_34(self):
        self.next(self.open_35, foreach="items")

    @step
    def open_35(self):
        self.next(self.open_36, foreach="items")

    @step
    def open_36(self):
        self.next(self.open_37, foreach="items")

    @step
    def open_37(self):
        self.next(self.open_38, foreach="items")

    @step
    def open_38(self):
        self.next(self.open_39, foreach="items")

    @step
    def open_39(self):
        self.next(self.open_40, foreach="items")

    @step
    def open_40(self):
        self.next(self.open_41, foreach="items")

    @step
    def open_41(self):
        self.next(self.open_42, foreach="items")

    @step
    def open_42(self):
        self.next(self.open_43, foreach="items")

    @step
    def open_43(self):
        self.next(self.open_44, foreach="items")

    @step
    def open_44(self):
        self.next(self.open_45, foreach="items")

    @step
    def open_45(self):
        self.next(self.open_46, foreach="items")

    @step
    def open_46(self):
        self.next(self.open_47, foreach="items")

    @step
    def open_47(self):
        self.next(self.open_48, foreach="items")

    @step
    def open_48(self):
        self.next(self.open_49, foreach="items")

    @step
    def open_49(self):
        self.next(self.open_50, foreach="items")

    @step
    def open_50(self):
        self.next(self.deepest, foreach="items")

    @step
    def deepest(self):
        self.next(self.join_50)

    @step
    def join_50(self, inputs):
        self.next(self.join_49)

    @step
    def join_49(self, inputs):
        self.next(self.join_48)

    @step
    def join_48(self, inputs):
        self.next(self.join_47)

    @step
    def join_47(self, inputs):
        self.next(self.join_46)

    @step
    def join_46(self, inputs):
        self.next(self.join_45)

    @step
    def join_45(self, inputs):
        self.next(self.join_44)

    @step
    def join_44(self, inputs):
        self.next(self.join_43)

    @step
    def join_43(self, inputs):
        self.next(self.join_42)

    @step
    def join_42(self, inputs):
        self.next(self.join_41)

    @step
    def join_41(self, inputs):
        self.next(self.join_40)

    @step
    def join_40(self, inputs):
        self.next(self.join_39)

    @step
    def join_39(self, inputs):
        self.next(self.join_38)

    @step
    def join_38(self, inputs):
        self.next(self.join_37)

    @step
    def join_37(self, inputs):
        self.next(self.join_36)

    @step
    def join_36(self, inputs):
        self.next(self.join_35)

    @step
    def join_35(self, inputs):
        self.next(self.join_34)

    @step
    def join_34(self, inputs):
        self.next(self.join_33)

    @step
    def join_33(self, inputs):
        self.next(self.join_32)

    @step
    def join_32(self, inputs):
        self.next(self.join_31)

    @step
    def join_31(self, inputs):
        self.next(self.join_30)

    @step
    def join_30(self, inputs):
        self.next(self.join_29)

    @step
    def join_29(self, inputs):
        self.next(self.join_28)

    @step
    def join_28(self, inputs):
        self.next(self.join_27)

    @step
    def join_27(self, inputs):
        self.next(self.join_26)

    @step
    def join_26(self, inputs):
        self.next(self.join_25)

    @step
    def join_25(self, inputs):
        self.next(self.join_24)

    @step
    def join_24(self, inputs):
        self.next(self.join_23)

    @step
    def join_23(self, inputs):
        self.next(self.join_22)

    @step
    def join_22(self, inputs):
        self.next(self.join_21)

    @step
    def join_21(self, inputs):
        self.next(self.join_20)

    @step
    def join_20(self, inputs):
        self.next(self.join_19)

    @step
    def join_19(self, inputs):
        self.next(self.join_18)

    @step
    def join_18(self, inputs):
        self.next(self.join_17)

    @step
    def join_17(self, inputs):
        self.next(self.join_16)

    @step
    def join_16(self, inputs):
        self.next(self.join_15)

    @step
    def join_15(self, inputs):
        self.next(self.join_14)

    @step
    def join_14(self, inputs):
        self.next(self.join_13)

    @step
    def join_13(self, inputs):
        self.next(self.join_12)

    @step
    def join_12(self, inputs):
        self.next(self.join_11)

    @step
    def join_11(self, inputs):
        self.next(self.join_10)

    @step
    def join_10(self, inputs):
        self.next(self.join_9)

    @step
    def join_9(self, inputs):
        self.next(self.join_8)

    @step
    def join_8(self, inputs):
        self.next(self.join_7)

    @step
    def join_7(self, inputs):
        self.next(self.join_6)

    @step
    def join_6(self, inputs):
        self.next(self.join_5)

    @step
    def join_5(self, inputs):
        self.next(self.join_4)

    @step
    def join_4(self, inputs):
        self.next(self.join_3)

    @step
    def join_3(self, inputs):
        self.next(self.join_2)

    @step
    def join_2(self, inputs):
        self.next(self.join_1)

    @step
    def join_1(self, inputs):
        self.next(self.join_0)

    @step
    def join_0(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DeepFlow()
